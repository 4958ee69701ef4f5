"""Rules on signal propagation: pre-activations forward, their gradients backward.

Each looks at the first measured step and at the last finite one. Images are standardized, so a healthy signal is of
order 1 in every layer.
"""

import math
from collections.abc import Mapping
from itertools import pairwise

from cnnlab.common.words import number, percent
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import Finding
from cnnlab.diagnosis.logged_step import Record

# After 22 layers, He with ReLU ends between 0.03 and 1 (padding and narrow layers cost some). Xavier with ReLU ends at
# 4e-4, and SGD stalls; after 14 layers it ends at 8e-3, and trains.
VANISHED = 1e-3
# With logits of 30 softmax is one-hot and the first loss about 30 instead of ln(10) = 2.3. Three sum poolings under
# He reach 20.
EXPLODED_AT_START = 30.0
# Training makes logits grow, to 10 in calibration, so the later threshold is far above that.
EXPLODED_LATER = 1000.0
# Healthy gradients change at most 40-fold from the last hidden layer to the first, since maps grow towards the input.
GRADIENT_VANISHED = 1e-3
GRADIENT_EXPLODED = 1e3
# The smallest normal float32.
SMALLEST = 1.18e-38
# In healthy tanh and sigmoid networks 0.35 of the cells are saturated after 100 steps, in the head only.
SATURATED = 0.6
# Above this share of dead units, later layers say nothing. Healthy trained heads reach 0.6.
DEAD = 0.9
# Share of the whole change, in logarithms, above which one layer is named for it.
JUMP = 0.7


def forward(run: Evidence) -> list[Finding]:
    record = run.shown(lambda m: forward_size(m, start=m is run.first))
    if record is None or not (direction := forward_size(record, start=record is run.first)):
        return []
    vanishing = direction == "vanishing"
    sentence, numbers = _travel("pre-activations", signal(record), vanishing, record.step)
    if vanishing:
        sizes = record.of("preactivation/largest") or record.of("preactivation/std")
        limit = next((k for k, size in sizes.items() if abs(size) < SMALLEST), None)
    else:
        limit = next(iter(record.broken("preactivation")), None)
    if limit:
        numbers["limit_layer"] = limit
        sentence += f"; in {limit} values are too {'small' if vanishing else 'large'} for float32"
    return [Finding(f"{direction}_forward", "problem", record.step, f"{sentence}.", numbers=numbers)]


def saturation(run: Evidence) -> list[Finding]:
    record = run.shown(_saturated)
    if record is None or not (shares := _saturated(record)) or (record is not run.first and run.learned):
        return []
    layer, share = next(iter(shares.items()))
    activation = run.context.activation or "the activation function"
    sentence = (
        f"At step {record.step}, {percent(share)} of the outputs of {activation} behind {layer} are within 1 % of its "
        f"range of its lowest or highest value; in {len(shares)} of {len(record.of('saturation/share'))} layers more "
        f"than {percent(SATURATED)} are."
    )
    numbers: dict[str, float | str] = {"layer": layer, "share": share, "layers": len(shares)}
    return [Finding("saturation", "problem", record.step, sentence, numbers=numbers)]


def _saturated(record: Record) -> dict[str, float]:
    """The saturated layers, if they are at least half of all."""
    shares = record.of("saturation/share")
    many = {k: share for k, share in shares.items() if share >= SATURATED}
    return many if 2 * len(many) >= len(shares) else {}


def backward(run: Evidence) -> list[Finding]:
    record = run.shown(lambda m: _gradients(m) is not None)
    if record is None or (hidden := _gradients(record)) is None:
        return []
    passed = {k: size for k, size in hidden.items() if size > 0}
    vanishing = hidden[min(hidden)] <= hidden[max(hidden)]
    numbers: dict[str, float | str] = {}
    sentence = f"No gradient reaches a hidden layer at step {record.step}"
    if passed:
        what = "loss's gradient with respect to the pre-activations"
        sentence, numbers = _travel(what, passed, vanishing, record.step)
    if zero := [k for k in hidden if hidden[k] == 0]:
        numbers["limit_layer"] = zero[0]
        sentence += f"; {_where(zero, list(hidden))} it is 0 in float32"
    name = "vanishing_backward" if vanishing else "exploding_backward"
    return [Finding(name, "problem", record.step, f"{sentence}.", numbers=numbers)]


def _where(some: list[str], layers: list[str]) -> str:
    """`some` of `layers`, both the last first, in words."""
    if len(some) == 1:
        return f"in {some[0]}"
    if layers[layers.index(some[0]) :][: len(some)] != some:
        return f"in {len(some)} of {len(layers)} hidden layers, of which {some[-1]} is the first,"
    return f"from {some[0]} back to {'the first layer' if some[-1] == layers[-1] else some[-1]}"


def _gradients(record: Record) -> dict[str, float] | None:
    """The gradient's standard deviation in the hidden layers, last to first, if it vanishes or explodes."""
    gradients = record.of("gradient/std")
    beside = _beside(gradients)
    hidden = {k: gradients[k] for k in reversed(list(gradients)[:-1]) if k not in beside}
    # Below a dead or zero layer gradients are 0 whatever the other layers do, as they are for a loss of exactly 0.
    if len(hidden) < 2 or dead_layers(record) or zeroed(record) or not gradients[max(gradients)]:
        return None
    # Logits of 0 come from a last layer of zeros, a known good start, which passes a gradient from the next step on.
    if list(record.of("preactivation/largest").values() or [1.0])[-1] == 0:
        return None
    if not all(map(math.isfinite, hidden.values())):
        return None
    top, bottom = next(iter(hidden.values())), list(hidden.values())[-1]
    healthy = top > 0 and bottom > 0 and GRADIENT_VANISHED <= bottom / top <= GRADIENT_EXPLODED
    return None if healthy else hidden


def _beside(gradients: Mapping[str, float]) -> set[str]:
    """The layers in branches that give next to nothing at first, as by a layer scale of 1e-6: the gradient reaches the
    layers below through the shortcuts. It falls at one layer and is back behind the last of these."""
    layers, found = list(gradients), set[str]()
    for i in range(1, len(layers) - 1):
        before, largest = gradients[layers[i - 1]], 0.0
        for j in range(i, len(layers) - 1):
            largest = max(largest, gradients[layers[j]])
            if not 0 < largest < GRADIENT_VANISHED * before:
                break
            if largest < GRADIENT_VANISHED * gradients[layers[j + 1]]:
                found |= {*layers[i : j + 1]}
    return found


def signal(record: Record) -> dict[str, float]:
    """Scale of the pre-activations by layer, up to the first that is zero, infinite or mostly dead.

    Below 1e-18 and above 1e18 the squares may under- or overflow, so the largest magnitude replaces the deviation.
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
    """Layers with nearly all units dead although a signal reached them, with the share."""
    sizes = record.of("preactivation/largest") or record.of("preactivation/std")
    shares = record.of("activation/dead")
    return {k: share for k, share in shares.items() if share >= DEAD and sizes.get(k, 1.0) >= VANISHED}


def starved(record: Record) -> tuple[str, str] | None:
    """(before, layer): the first layer with weights whose pre-activations are the same everywhere, and the one before
    it, whose are not: nothing of what that one gives reaches it. A signal that fades away is another matter."""
    sizes, weights, zero = record.of("preactivation/std"), record.of("weight/std"), record.begun_at_zero
    for before, layer in pairwise(sizes):
        if sizes[before] >= VANISHED and sizes[layer] == 0 and weights.get(layer, 0) > 0 and layer not in zero:
            return before, layer
    return None


def cut_off(record: Record) -> tuple[str, str] | None:
    """As `starved`, where the layer gets nothing: a gradient arrives at its output, and none at its weights. Else its
    weights may be what lets nothing through."""
    cut = starved(record)
    if cut is None or record.of("weight/gradient_std").get(cut[1]) != 0:
        return None
    return cut if record.of("gradient/std").get(cut[1], 0) > 0 else None


def zeroed(record: Record) -> list[str]:
    """The layers, except the last, whose weights are all zero."""
    return [k for k in record.zeros if k != max(record.of("weight/distinct"))]


def forward_size(record: Record, start: bool) -> str | None:
    """`vanishing` or `exploding`; `start`: whether it is the first measured step."""
    profile = list(signal(record).values())
    if not profile:
        return None
    if profile[-1] < VANISHED:
        return "vanishing"
    return "exploding" if max(profile) > (EXPLODED_AT_START if start else EXPLODED_LATER) else None


def _travel(whose: str, sizes: Mapping[str, float], vanishing: bool, step: int) -> tuple[str, dict[str, float | str]]:
    """From where the size is largest down to the last layer, or from where it is smallest up to where it is largest."""
    layers = list(sizes)
    end = layers[-1] if vanishing else max(layers, key=lambda k: sizes[k])
    before = layers[: layers.index(end) + 1]
    start = (max if vanishing else min)(before, key=lambda k: sizes[k])
    way = before[before.index(start) :]
    # Not the logarithm of the ratio, which can be 0.
    whole = math.log(sizes[end]) - math.log(sizes[start])
    factor = math.exp(whole / max(1, len(way) - 1))
    numbers: dict[str, float | str] = {"first": sizes[start], "last": sizes[end], "factor_per_layer": factor}
    if start == end:
        numbers["layer"] = end
        return f"At step {step} the standard deviation of the {whose} is {number(sizes[end])} in {end}", numbers
    said = f"At step {step} the standard deviation of the {whose}"
    steps = {b: math.log(sizes[b]) - math.log(sizes[a]) for a, b in pairwise(way)}
    jump = max(steps, key=lambda k: abs(steps[k]))
    verb = "shrinks" if factor < 1 else "grows"
    if len(way) > 2 and steps[jump] / whole > JUMP:
        numbers["layer"], last = jump, way[way.index(jump) - 1]
        verb = "falls" if factor < 1 else "jumps"
        return f"{said} {verb} from {number(sizes[last])} in {last} to {number(sizes[jump])} in {jump}", numbers
    sentence = f"{said} {verb} from {number(sizes[start])} in {start} to {number(sizes[end])} in {end}"
    return f"{sentence}: each layer multiplies it by {number(factor)} on average", numbers


RULES = (forward, saturation, backward)
