"""Rules on how the signal travels: pre-activations forward, their gradients backward.

Each looks at the first measured step and at the last healthy one. Images are standardized, so that a healthy
signal is of the order of 1 in every layer.
"""

import math
from collections.abc import Mapping

from cnnlab.common.words import number, percent
from cnnlab.diagnosis import remedies
from cnnlab.diagnosis.evidence import Evidence, Record
from cnnlab.diagnosis.finding import Finding

# He with ReLU, 22 layers, ends between 0.03 and 1 (padding and narrow layers cost some). Xavier with ReLU
# ends at 4e-4 there, and SGD stalls; it ends at 8e-3 after 14 layers, and trains.
VANISHED = 1e-3
# Logits of 30 make softmax a hard choice and the first loss about 30 instead of ln(10) = 2.3. Three sum
# poolings under He reach 20.
EXPLODED_AT_START = 30.0
# Logits of trained networks grow, to 10 in calibration: later, only what no training wants counts.
EXPLODED_LATER = 1000.0
# From the last hidden layer to the first, healthy gradients change 40-fold at most: maps widen on the way.
GRADIENT_VANISHED = 1e-3
GRADIENT_EXPLODED = 1e3
# The smallest float32 of full precision.
SMALLEST = 1.18e-38
# Tanh and sigmoid of healthy networks saturate at 0.35 of their cells after 100 steps, in the head only.
SATURATED = 0.6
# A layer with so many dead units hides what comes after it. Healthy trained heads reach 0.6.
DEAD = 0.9


def forward(run: Evidence) -> list[Finding]:
    record = run.shown(lambda m: _size(m, m is run.first))
    if record is None or not (direction := _size(record, record is run.first)):
        return []
    vanishing = direction == "vanishing"
    profile = signal(record)
    sentence, numbers = _travel("pre-activations'", profile, list(profile), record.step)
    if vanishing:
        sizes = record.of("preactivation/largest") or record.of("preactivation/std")
        limit = next((k for k, size in sizes.items() if abs(size) < SMALLEST), None)
    else:
        limit = next(iter(record.broken("preactivation")), None)
    if limit:
        numbers["limit_layer"] = limit
        sentence += f"; float32 {'underflows' if vanishing else 'overflows'} at {limit}"
    recovered = run.learned and run.last is not None and not _size(run.last, run.last is run.first)
    if recovered:
        sentence += "; training has overcome it"
    severity = "warning" if recovered else "problem"
    cause, remedy = remedies.scale(run.context, vanishing, record.step)
    return [Finding(f"{direction}_forward", severity, record.step, f"{sentence}.", cause, remedy, numbers)]


def saturation(run: Evidence) -> list[Finding]:
    record = run.shown(_saturated)
    if record is None or not (shares := _saturated(record)) or (record is not run.first and run.learned):
        return []
    layer, share = next(iter(shares.items()))
    activation = run.context.activation or "their function"
    sentence = (
        f"{percent(share)} of the activations of {layer} are within 1 % of a bound of {activation} at step "
        f"{record.step}, and over {percent(SATURATED)} in {len(shares)} of {len(record.of('saturation/share'))} layers."
    )
    cause, remedy = remedies.saturation(run.context, record.step)
    numbers: dict[str, float | str] = {"layer": layer, "share": share, "layers": len(shares)}
    return [Finding("saturation", "problem", record.step, sentence, cause, remedy, numbers)]


def _saturated(record: Record) -> dict[str, float]:
    """The saturated layers, if they are half of all or more."""
    shares = record.of("saturation/share")
    many = {k: share for k, share in shares.items() if share >= SATURATED}
    return many if 2 * len(many) >= len(shares) else {}


def backward(run: Evidence) -> list[Finding]:
    record = run.shown(lambda m: _gradients(m) is not None)
    if record is None or (hidden := _gradients(record)) is None:
        return []
    passed = [k for k in hidden if hidden[k] > 0]
    vanishing = hidden[min(hidden)] <= hidden[max(hidden)]
    numbers: dict[str, float | str] = {}
    sentence = f"No gradient reaches a hidden layer at step {record.step}"
    if passed:
        sentence, numbers = _travel("gradient's", hidden, passed, record.step)
    if zero := next((k for k in hidden if hidden[k] == 0), None):
        numbers["limit_layer"] = zero
        sentence += f"; from {zero} down it is 0 in float32"
    cause, remedy = remedies.backward(run.context, vanishing, record.step)
    name = "vanishing_backward" if vanishing else "exploding_backward"
    return [Finding(name, "problem", record.step, f"{sentence}.", cause, remedy, numbers)]


def _gradients(record: Record) -> dict[str, float] | None:
    """The gradient's deviation in the hidden layers, last one first, if it vanishes or explodes on its way."""
    gradients = record.of("gradient/std")
    hidden = {k: gradients[k] for k in reversed(list(gradients)[:-1])}
    # Below a dead or zero layer no gradient tells of the others; a loss of exactly 0 has none to send.
    if len(hidden) < 2 or dead_layers(record) or zeroed(record) or not gradients[max(gradients)]:
        return None
    if not all(map(math.isfinite, hidden.values())):
        return None
    top, bottom = next(iter(hidden.values())), list(hidden.values())[-1]
    healthy = top > 0 and bottom > 0 and GRADIENT_VANISHED <= bottom / top <= GRADIENT_EXPLODED
    return None if healthy else hidden


def signal(record: Record) -> dict[str, float]:
    """The size of the pre-activations by layer, up to the first that is zero, infinite or mostly dead.

    Deviations below 1e-18 and above 1e18 may have lost their squares to float32, so the largest value stands in.
    """
    profile: dict[str, float] = {}
    largest, dead = record.of("preactivation/largest"), dead_layers(record)
    for layer, size in record.of("preactivation/std").items():
        if not 1e-18 < size < 1e18:
            size = largest.get(layer, size)
        if not (math.isfinite(size) and size > 0):
            break
        profile[layer] = size
        if layer in dead:
            break
    return profile


def dead_layers(record: Record) -> dict[str, float]:
    """The layers, with their share, of which nearly all units are dead although a signal reached them."""
    sizes = record.of("preactivation/largest") or record.of("preactivation/std")
    shares = record.of("activation/dead")
    return {k: share for k, share in shares.items() if share >= DEAD and sizes.get(k, 1.0) >= VANISHED}


def zeroed(record: Record) -> list[str]:
    """The layers below the last whose weights are all zero."""
    distinct, stds = record.of("weight/distinct"), record.of("weight/std")
    return [k for k in list(distinct)[:-1] if math.isnan(distinct[k]) and stds.get(k) == 0]


def _size(record: Record, start: bool) -> str | None:
    profile = list(signal(record).values())
    if not profile:
        return None
    if profile[-1] < VANISHED:
        return "vanishing"
    return "exploding" if max(profile) > (EXPLODED_AT_START if start else EXPLODED_LATER) else None


def _travel(whose: str, sizes: Mapping[str, float], order: list[str], step: int) -> tuple[str, dict[str, float | str]]:
    """The change from the first layer in `order` to the last one, in words and numbers."""
    first, last = order[0], order[-1]
    factor = (sizes[last] / sizes[first]) ** (1 / max(1, len(order) - 1))
    numbers: dict[str, float | str] = {"first": sizes[first], "last": sizes[last], "factor_per_layer": factor}
    if first == last:
        return f"The {whose} deviation is {number(sizes[first])} in {first} at step {step}", numbers
    verb = "shrinks" if factor < 1 else "grows"
    return (
        f"The {whose} deviation {verb} from {number(sizes[first])} ({first}) to {number(sizes[last])} ({last}) "
        f"at step {step}, x{number(factor)} a layer",
        numbers,
    )


RULES = (forward, saturation, backward)
