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
SQUARED = 1e18  # above it the squares of a deviation overflow
CLOSE = 0.95  # to the bounds of tanh


def output_bounded(run: Evidence) -> Cause | None:
    """An activation between the last layer and the loss: softmax, sigmoid, ReLU, tanh. In a foreign loop of which no
    classes are known the loss may be one that expects it."""
    seen = [m for m in run.measured if "output/lowest" in m.scalars and m.finite]
    if not seen or run.context.classes is None:
        return None
    low, high = min(m.scalars["output/lowest"] for m in seen), max(m.scalars["output/highest"] for m in seen)
    if low == high or _meant(run, low, high):  # outputs of 0 come from weights of 0
        return None
    ran = _activated(run)
    clue = None
    if low >= 0 and _add_up(seen):
        kind, clue = "a softmax", Clue(14, "each image's outputs are positive and add up to 1")
    elif ran and low >= 0 and high <= 1 and run.steps > 1:
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
    if clue is None:
        return None
    clause = f"{kind} stands between the last layer and the loss, which expects logits and has a softmax of its own"
    remedy = Remedy(look=f"return the last layer's output as it is, without {kind.removeprefix('a ')}")
    explained = LEARNING | GRADIENTS | {"dead_units", "saturation"}
    return Cause("output_bounded", clause, remedy, (clue,), explained, mistake=True)


def _meant(run: Evidence, low: float, high: float) -> bool:
    """Whether, in a loop of one's own, the loss is one for such outputs: of a single output, or smaller than cross
    entropy can be on them."""
    if run.context.settings is not None or run.context.classes is None or not (low >= -1 and high <= 1):
        return False
    losses = run.values("train/loss")
    least = math.log(1 + (run.context.classes - 1) * math.exp(-1 if low >= 0 else -2))
    return run.context.outputs == 1 or 0 <= min(losses, default=math.inf) < least


def _as_they_are(seen: Sequence[Record]) -> bool:
    """Whether the largest value is that of the last layer's output at every step: no tanh or sigmoid leaves it."""
    pairs = [
        (max(-m.scalars["output/lowest"], m.scalars.get("output/highest", 0.0)), list(sizes.values())[-1])
        for m in seen
        if (sizes := m.of("preactivation/largest"))
    ]
    return bool(pairs) and all(math.isclose(output, layer, rel_tol=1e-3) for output, layer in pairs)


def _add_up(seen: Sequence[Record]) -> bool:
    return all(m.scalars.get("output/sum_error", 1.0) < SUM_ERROR for m in seen)


def _activated(run: Evidence) -> bool:
    """Whether an activation was attributed to the layer that runs last."""
    order = list(run.measured[0].of("preactivation/std"))
    return bool(order) and order[-1] in run.measured[0].of("activation/std")


def output_scaled(run: Evidence) -> Cause | None:
    if run.first is None or _activated(run) or output_bounded(run) or _add_up([run.first]):
        return None
    last = list(run.first.of("preactivation/std").values())
    size = run.first.scalars.get("output/std", 0.0)
    if (
        not last
        or not 0 < last[-1] < SQUARED
        or not 0 < size < SQUARED
        or 1 / SCALED_UP <= size / last[-1] <= SCALED_UP
    ):
        return None
    factor = size / last[-1]
    sizes = f"{number(last[-1])}, that of the network's output {number(size)}"
    clue = Clue(16, f"the standard deviation of the last layer's output is {sizes}")
    clause = f"the outputs are multiplied by about {number(factor)} behind the last layer"
    remedy = Remedy(look="return the last layer's output as it is, without a factor (a temperature?)")
    return Cause(
        "output_badly_scaled", clause, remedy, (clue,), LEARNING | GRADIENTS | {"large_updates", "small_updates"}
    )


CAUSES = (output_bounded, output_scaled)
