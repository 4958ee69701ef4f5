"""Causes between the last layer and the loss: an activation, a factor."""

import math
from collections.abc import Sequence

from cnnlab.common.words import number
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import GRADIENTS, LEARNING, Cause, Clue
from cnnlab.diagnosis.logged_step import Record
from cnnlab.diagnosis.remedies import Remedy

# Outputs that are rescaled behind the last layer: pooling it changes at most 3-fold.
SCALED_UP = 10.0
SUM_ERROR = 1e-4  # of a softmax, by rounding
WITNESSED = 14  # a mistake that was seen to happen
SQUARED = 1e18  # above it the squares of a deviation overflow
SIGMOIDS = ("sigmoid", "hardsigmoid")
CLOSE = 0.95  # to the bounds of tanh
ROUNDING = 1e-3  # between two sums of the same numbers
ONE = Remedy(look="give the last layer one output per class, or take F.binary_cross_entropy_with_logits for one output")


def output_bounded(run: Evidence) -> Cause | None:
    """An activation between the last layer and the loss: softmax, sigmoid, ReLU, tanh. In a foreign loop of which no
    classes are known the loss may be one that expects it."""
    if run.latest("loss/single") > 0:
        return _bounded(
            "a softmax over a single output is always 1", Clue(WITNESSED, "cross entropy gets one output"), ONE
        )
    if run.latest("loss/softmax") > 0:
        return _between("a softmax", Clue(WITNESSED, "cross entropy gets what a softmax gave"))
    seen = [m for m in run.measured if "output/lowest" in m.scalars and m.finite]
    if not seen or run.context.classes is None:
        return None
    low, high = min(m.scalars["output/lowest"] for m in seen), max(m.scalars["output/highest"] for m in seen)
    if low == high or _meant(run, low, high):  # outputs of 0 come from weights of 0
        return None
    ran = _activated(run)
    clue = None
    if low >= 0 and _add_up(seen):
        kind, clue = "a softmax", Clue(WITNESSED, "each image's outputs are positive and add up to 1")
    elif ran and _bounded_activation(run) and low >= 0 and high <= 1 and run.steps > 1:
        kind, clue = "a sigmoid", Clue(11, f"all outputs lie in 0 to 1, from {number(low)} to {number(high)}")
    elif ran and low >= 0:
        kind, clue = "a ReLU", Clue(11, f"no output is negative; they reach {number(high)}")
    elif ran:
        kind, clue = "an activation", Clue(9, f"one runs behind the last layer, and outputs reach {number(high)}")
    elif _as_they_are(seen):
        return None
    elif len(seen) > 2 and low >= 0 and high <= 1:
        kind, clue = (
            "a softmax or sigmoid",
            Clue(11, f"all outputs lie in 0 to 1, from {number(low)} to {number(high)}"),
        )
    elif len(seen) > 2 and low >= -1 and high <= 1 and max(-low, high) > CLOSE:
        kind, clue = "a tanh", Clue(6, f"all outputs lie in -1 to 1, from {number(low)} to {number(high)}")
    elif len(seen) > 1 and all(m.scalars["output/lowest"] == 0 for m in seen):
        kind, clue = (
            "a ReLU",
            Clue(10, f"the smallest output is exactly 0 at every measured step; they reach {number(high)}"),
        )
    return None if clue is None else _between(kind, clue, mistake=not _pooled(run), own=run.context.settings is None)


def _between(kind: str, clue: Clue, mistake: bool = True, own: bool = False) -> Cause:
    has = "a softmax or sigmoid" if own else "a softmax"  # of another loss in a loop of one's own
    clause = f"{kind} stands between the last layer and the loss, which expects logits and has {has} of its own"
    look = f"return the last layer's output as it is, without {kind.removeprefix('a ')}"
    return _bounded(clause, clue, Remedy(look=look), mistake)


def _bounded(clause: str, clue: Clue, remedy: Remedy, mistake: bool = True) -> Cause:
    explained = LEARNING | GRADIENTS | {"dead_units", "saturation", "small_updates"}
    return Cause("output_bounded", clause, remedy, (clue,), explained, mistake=mistake)


def _pooled(run: Evidence) -> bool:
    """Whether pooling follows the activation behind the last layer, as published for SqueezeNet: the outputs deviate
    less than what the activation gives."""
    layer = _giver(run.measured[0]) if _activated(run) else ""
    pairs = [
        (m.scalars["output/std"], sizes[layer])
        for m in run.measured
        if m.finite and "output/std" in m.scalars and layer in (sizes := m.of("activation/std"))
    ]
    return bool(pairs) and all(output < (1 - ROUNDING) * activation for output, activation in pairs)


def _meant(run: Evidence, low: float, high: float) -> bool:
    """Whether, in a loop of one's own, the loss is one for such outputs: of a single output, or smaller than cross
    entropy can be on them."""
    if run.context.settings is not None or run.context.classes is None or not (low >= -1 and high <= 1):
        return False
    losses = run.values("train/loss")
    least = math.log(1 + (run.context.classes - 1) * math.exp(-1 if low >= 0 else -2))
    return run.context.outputs == 1 or 0 <= min(losses, default=math.inf) < least


def _as_they_are(seen: Sequence[Record]) -> bool:
    """Whether the largest value is that of the layer's output at every step: no tanh or sigmoid leaves it."""
    pairs = [
        (max(-m.scalars["output/lowest"], m.scalars.get("output/highest", 0.0)), sizes[layer])
        for m in seen
        if (layer := _giver(m)) in (sizes := m.of("preactivation/largest"))
    ]
    return bool(pairs) and all(math.isclose(output, layer, rel_tol=1e-3) for output, layer in pairs)


def _add_up(seen: Sequence[Record]) -> bool:
    return all(m.scalars.get("output/sum_error", 1.0) < SUM_ERROR for m in seen)


def _activated(run: Evidence) -> bool:
    """Whether an activation was attributed to the layer that gives the outputs, and it has as many: there may be one
    behind it that is not measured, as one that was put in after the probe was made."""
    layer, classes = _giver(run.measured[0]), run.context.classes
    if layer not in run.measured[0].of("activation/std"):
        return False
    return run.context.units.get(layer, classes) in (classes, 1) or classes is None


def _giver(record: Record) -> str:
    """The layer whose output the network's is made of, or, where the loss was seen to get another, that one's; "" of
    several. What the graph does not tell is taken to come from the last layer."""
    given_by = list(record.of("output/given_by"))
    if given_by:
        return given_by[0] if len(given_by) == 1 else ""
    return max(record.of("preactivation/std"), default="")


def _bounded_activation(run: Evidence) -> bool:
    """Whether that activation has two bounds, as a sigmoid; where that was not measured, whether it may have."""
    bounded = run.measured[0].of("saturation/share")
    return _giver(run.measured[0]) in bounded if bounded else run.context.activation in (None, *SIGMOIDS)


def output_scaled(run: Evidence) -> Cause | None:
    if run.first is None or _activated(run) or output_bounded(run) or _add_up([run.first]):
        return None
    layer, size = _giver(run.first), run.first.scalars.get("output/std", 0.0)
    given = run.first.of("preactivation/std").get(layer, 0.0)
    if not 0 < given < SQUARED or not 0 < size < SQUARED or 1 / SCALED_UP <= size / given <= SCALED_UP:
        return None
    sizes = f"{number(given)}, that of the network's output {number(size)}"
    clue = Clue(16, f"the standard deviation of the last layer's output is {sizes}")
    clause = f"the outputs are multiplied by about {number(size / given)} behind the last layer"
    remedy = Remedy(look="return the last layer's output as it is, without a factor (a temperature?)")
    return Cause(
        "output_badly_scaled", clause, remedy, (clue,), LEARNING | GRADIENTS | {"large_updates", "small_updates"}
    )


CAUSES = (output_bounded, output_scaled)
