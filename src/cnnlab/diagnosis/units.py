"""Rules on channels and units: identical channels, dead units."""

import math

from cnnlab.common.words import number, percent
from cnnlab.diagnosis.evidence import Evidence, Record
from cnnlab.diagnosis.finding import Finding
from cnnlab.diagnosis.signal import dead_layers, zeroed

# Independent filters have sqrt(1 - 1/channels), at least 0.7; identical ones 1e-7, by rounding.
IDENTICAL = 1e-3


def symmetry(run: Evidence) -> list[Finding]:
    """Judged at the last measured step, since dropout can break an initial symmetry."""
    if run.last is None:
        return []
    if zero := zeroed(run.last):
        return [_zeros(run, run.last, zero)]
    hidden = list(run.last.of("weight/distinct"))[:-1]
    same = identical(run.last)
    return [_identical(run, same, len(hidden))] if same else []


def identical(record: Record) -> list[str]:
    """The layers, except the last, whose channels are all equal."""
    return [layer for layer, distinct in list(record.of("weight/distinct").items())[:-1] if distinct < IDENTICAL]


def _zeros(run: Evidence, record: Record, layers: list[str]) -> Finding:
    gradients = record.of("weight/gradient_std")
    moving = [k for k, g in gradients.items() if g > 0]
    reached = f"only {', '.join(moving)} gets a gradient" if moving else "no weight gets a gradient, only the last bias"
    share = run.context.largest_class_share
    most_frequent = "" if share is None else f" ({percent(share)} for the most frequent)"
    sentence = f"All weights of {_count(layers)} are 0 and {reached}"
    if len(moving) <= 1:
        sentence += f": the network can learn little more than the class frequencies{most_frequent}"
    numbers = {"layers": len(layers), "zero": 1.0}
    return Finding("symmetry", "problem", run.measured[0].step, f"{sentence}.", numbers=numbers)


def _identical(run: Evidence, layers: list[str], hidden: int) -> Finding:
    sentence = (
        f"All output channels are equal in {len(layers)} of {hidden} hidden layers (first in {layers[0]}, relative "
        f"difference below {number(IDENTICAL)}): each such layer is effectively one channel wide, and stays so."
    )
    numbers = {"layers": len(layers), "zero": 0.0}
    return Finding("symmetry", "problem", run.measured[0].step, sentence, numbers=numbers)


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
    numbers: dict[str, float | str] = {"layer": layer, "share": share, "mean": mean, "layers": len(shares)}
    return [Finding("dead_units", "problem", record.step, sentence, numbers=numbers)]


def _count(layers: list[str]) -> str:
    return f"the {len(layers)} hidden layers" if len(layers) > 1 else layers[0]


RULES = (symmetry, dead)
