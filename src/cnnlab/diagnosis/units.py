"""Rules on channels and units: identical channels, dead units."""

import math

from cnnlab.common.words import number, percent, plural
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import Finding
from cnnlab.diagnosis.logged_step import Record
from cnnlab.diagnosis.signal import dead_layers, zeroed

# Independent filters have sqrt(1 - 1/channels), at least 0.7; identical ones 1e-7, by rounding.
IDENTICAL = 1e-3


def symmetry(run: Evidence) -> list[Finding]:
    """Judged at the last measured step, since dropout can break an initial symmetry."""
    if run.last is None:
        return []
    hidden, zero, same = list(run.last.of("weight/distinct"))[:-1], zeroed(run.last), identical(run.last)
    if not zero and not same:
        return []
    parts = [f"all weights of {_count(zero, hidden)} are 0"] if zero else []
    parts += [f"the channels of {_count(same, hidden)} have equal weights"] if same else []
    sentence = f"At step {run.last.step} {' and '.join(parts)}{_consequence(run, run.last, zero, same, hidden)}."
    numbers: dict[str, float | str] = {"layers": len(zero) + len(same), "zero": float(len(zero))}
    return [Finding("symmetry", "problem", run.measured[0].step, sentence, numbers=numbers)]


def identical(record: Record) -> list[str]:
    """The layers, except the last, whose channels are all equal."""
    return [layer for layer, distinct in list(record.of("weight/distinct").items())[:-1] if distinct < IDENTICAL]


def _consequence(run: Evidence, record: Record, zero: list[str], same: list[str], hidden: list[str]) -> str:
    if same:
        return ": a layer with equal channels computes one, however many it has"
    if len(zero) < len(hidden):
        return ": such a layer gives the same for every image"
    moving = [k for k, g in record.of("weight/gradient_std").items() if g > 0]
    if len(moving) > 1:
        return ""
    reached = f"only {moving[0]} gets a gradient" if moving else "no weight gets a gradient, only the last bias"
    share = run.context.largest_class_share
    most_frequent = "" if share is None else f" (the most frequent has {percent(share)} of the training images)"
    return f", and {reached}: the network can learn little more than how frequent each class is{most_frequent}"


def dead(run: Evidence) -> list[Finding]:
    """A network that learns can afford a layer with few live units, so then only the first step counts."""
    record = run.shown(dead_layers)
    if record is None or not (shares := dead_layers(record)) or (record is not run.first and run.learned):
        return []
    layer, share = next(iter(shares.items()))
    mean, std = (record.of(f"preactivation/{s}").get(layer, math.nan) for s in ("mean", "std"))
    sentence = (
        f"{percent(share)} of the units of {layer} are dead at step {record.step}: they give 0 for every measured "
        f"image (the layer's pre-activations have mean {number(mean)} and standard deviation {number(std)})"
    )
    more = len(shares) - 1
    sentence += f"; so are those of {plural(more, 'more layer')}." if more else "."
    numbers: dict[str, float | str] = {"layer": layer, "share": share, "mean": mean, "layers": len(shares)}
    return [Finding("dead_units", "problem", record.step, sentence, numbers=numbers)]


def _count(layers: list[str], of: list[str]) -> str:
    if len(layers) == 1:
        return layers[0]
    return f"all {len(of)} hidden layers" if len(layers) == len(of) else f"{len(layers)} of {len(of)} hidden layers"


RULES = (symmetry, dead)
