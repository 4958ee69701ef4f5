"""Rules on channels and units: identical channels, dead units."""

import math

from cnnlab.common.words import number, percent
from cnnlab.diagnosis import remedies
from cnnlab.diagnosis.evidence import Evidence, Record
from cnnlab.diagnosis.finding import Finding
from cnnlab.diagnosis.remedies import Remedy
from cnnlab.diagnosis.signal import dead_layers, zeroed

# Independent filters have sqrt(1 - 1/channels), at least 0.7; identical ones 1e-7, by rounding.
IDENTICAL = 1e-3
# Networks that died in calibration, at a learning rate that most seeds survive, had updates of 2.5 to 4.5 %.
UPDATES_THAT_KILL = 0.02


def symmetry(run: Evidence) -> list[Finding]:
    """Judged at the last measured step, since dropout can break an initial symmetry."""
    if run.last is None:
        return []
    if zero := zeroed(run.last):
        return [_zeros(run, run.last, zero)]
    hidden = list(run.last.of("weight/distinct").items())[:-1]
    identical = [layer for layer, distinct in hidden if distinct < IDENTICAL]
    return [_identical(run, identical, len(hidden))] if identical else []


def _zeros(run: Evidence, record: Record, layers: list[str]) -> Finding:
    gradients = record.of("weight/gradient_std")
    moving = [k for k, g in gradients.items() if g > 0]
    reached = f"only {', '.join(moving)} gets a gradient" if moving else "no weight gets a gradient, only the last bias"
    share = run.context.largest_class_share
    most_frequent = "" if share is None else f" ({percent(share)} for the most frequent)"
    sentence = (
        f"All weights of {_count(layers)} are 0 and {reached}: the network can learn little more than the class "
        f"frequencies{most_frequent}."
    )
    cause = "zero weights pass neither signal nor gradient"
    if run.context.initializer is not None:
        cause = f"init={run.context.initializer}: {cause}"
    remedy = remedies.initializer(run.context)
    return Finding(
        "symmetry", "problem", run.measured[0].step, sentence, cause, remedy, {"layers": len(layers), "zero": 1.0}
    )


def _identical(run: Evidence, layers: list[str], hidden: int) -> Finding:
    of = f"{len(layers)} of {hidden} hidden layers"
    sentence = (
        f"All output channels are equal in {of} (first in {layers[0]}, "
        f"relative difference below {number(IDENTICAL)}): "
        "each layer is effectively one channel wide, and stays so."
    )
    init = run.context.initializer
    source = "the initializer" if init is None else f"init={init}"
    cause = f"{source} gives all channels the same weights, so they get the same gradient"
    remedy = remedies.initializer(run.context)
    return Finding(
        "symmetry", "problem", run.measured[0].step, sentence, cause, remedy, {"layers": len(layers), "zero": 0.0}
    )


def dead(run: Evidence) -> list[Finding]:
    """A network that learns can afford a layer with few live units, so then only the first step counts."""
    record = run.shown(dead_layers)
    if record is None or not (shares := dead_layers(record)) or (record is not run.first and run.learned):
        return []
    layer, share = next(iter(shares.items()))
    mean, std = (record.of(f"preactivation/{s}").get(layer, math.nan) for s in ("mean", "std"))
    sentence = (
        f"{percent(share)} of the units of {layer} are dead at step {record.step}: zero for every image and position "
        f"(pre-activations {number(mean)} ± {number(std)})"
    )
    sentence += f"; so are those of {len(shares) - 1} more." if len(shares) > 1 else "."
    if record is run.first:
        cause, remedy = "the biases start far below zero, where ReLU outputs 0", Remedy("init.bias", 0)
    else:
        cause = "training moved weights and biases to where ReLU outputs 0"
        largest = max((m.update_ratio or 0.0 for m in run.measured), default=0.0)
        if largest >= UPDATES_THAT_KILL:
            cause += f", by updates of up to {percent(largest)} of the weights: the learning rate is too large"
            remedy = remedies.learning_rate(run.context, 0.3)
        else:
            remedy = Remedy("model.activation", "leaky_relu")
    numbers: dict[str, float | str] = {"layer": layer, "share": share, "mean": mean, "layers": len(shares)}
    return [Finding("dead_units", "problem", record.step, sentence, cause, remedy, numbers)]


def _count(layers: list[str]) -> str:
    return f"the {len(layers)} hidden layers" if len(layers) > 1 else layers[0]


RULES = (symmetry, dead)
