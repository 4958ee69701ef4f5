"""The number format as a cause: updates that are lost in rounding, and infinities that float32 cannot have made."""

from math import inf, isfinite, isinf, log
from statistics import median
from typing import NamedTuple

from cnnlab.common.words import number, percent
from cnnlab.diagnosis.causes.optimization import UPDATES
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import Cause, Clue
from cnnlab.diagnosis.nonfinite import sudden
from cnnlab.diagnosis.remedies import Remedy

# The smallest change of a number of size 1: 11 and 8 bits.
RESOLUTION = {"float16": 2**-11, "bfloat16": 2**-8}
LEVELS, COARSE = 300, 8  # int8 has 256
HALF_LARGEST = 65504.0
EXPLAINED_BY_SIZE = 1e10  # squares and sums of more may leave float32
FAR_BELOW = 1e30  # of what float32 holds


def precision(run: Evidence) -> Cause | None:
    kind = run.context.precision
    clues = []
    if kind in ("float16", "bfloat16"):
        clues.append(Clue(9 if run.poor else 5, f"the weights are {kind}"))
        largest = max((ratio for _, ratio in run.ratios), default=inf)
        if largest < 2 * RESOLUTION[kind]:
            words = f"updates, up to {number(largest)} of the weights, are lost: {kind} resolves {RESOLUTION[kind]:.1g}"
            clues.append(Clue(6, words))
    levels, bits = run.latest("check/weight_levels"), run.latest("check/weight_bits")
    # Where nothing is learned, weights that begin with few values, as Dirac's, may keep them.
    if 2 < levels <= LEVELS and not run.latest("check/weight_levels_at_start") <= LEVELS:
        clues.append(Clue(11, f"the weights of the largest layer have only {number(levels)} different values"))
    elif levels > LEVELS and bits <= COARSE and kind == "float32":
        clues.append(Clue(11, f"all weights of the largest layer are numbers of {number(bits)} bits, as bfloat16 has"))
    # Where no weight of any layer changes, the optimizer did not step.
    lost = [
        sum(r == 0 and m.of("weight/gradient_std").get(k, 0) > 0 for k, r in m.of("weight/update_ratio").items())
        for m in run.measured[1:]
        if m.finite and m.scalars.get("optimizer/lr", 1.0) > 0 and any(m.of("weight/update_ratio").values())
    ]
    if lost and median(lost) >= 1:
        clues.append(Clue(6, "updates are lost: weights with a gradient do not change at all"))
    clause = "the number format is too coarse for the updates"
    if (clue := _overflowed(run) or _out_of_nothing(run)) is not None:
        clues.append(clue)
        clause = "the values leave the range of a narrower number format (or something is divided by 0)"
    remedy = Remedy(look="keep the weights in float32 (trainer.precision=bf16 does), and lower only the activations")
    return Cause("precision_too_low", clause, remedy, tuple(clues), UPDATES) if clues else None


def _overflowed(run: Evidence) -> Clue | None:
    if (seen := produced(run)) is not None:
        words = f"{seen[0]} makes infinity or NaN of values of at most {number(seen[1])}"
        return Clue(12, words) if is_narrow(seen[0]) else None
    if (found := overflow(run)) is None:
        return None
    words = f"{found.seen} where no value before exceeds {number(found.size)}; float32 reaches 3e38, float16 65504"
    return Clue(9 if found.possible else 3, words)


def produced(run: Evidence) -> tuple[str, float] | None:
    """(`div in float32`, the largest value that went in) of the operation that first makes NaN or infinity, and that
    nothing large explains."""
    found = {what: size for m in run.records for what, size in m.of("check/produced").items()}
    what, size = next(iter(found.items()), ("", inf))
    return (what, size) if size < EXPLAINED_BY_SIZE else None


def is_narrow(what: str) -> bool:
    return "float16" in what or "float8" in what


def update(run: Evidence) -> Cause | None:
    """An update that makes NaN or infinity of finite weights and gradients."""
    made = produced(run)
    if made is None or is_narrow(made[0]) or run.latest("check/produced_by_update") != 1:
        return None
    clue = Clue(12, f"in the optimizer {made[0]} makes infinity or NaN of values of at most {number(made[1])}")
    remedy = Remedy("optimizer.eps", 1e-8) if run.context.update.get("eps") == 0 else Remedy("optimizer", "adamw")
    clause = "the optimizer divides by 0, or takes a root below 0"
    return Cause("training_unsuitable", clause, remedy, (clue,), UPDATES)


class Overflow(NamedTuple):
    """`seen`: where infinity arose. `size`: the largest value before. `possible`: whether sums, squares or exponentials
    of such values leave a narrower format; else only a division by 0, a root or a logarithm remains."""

    seen: str
    size: float
    possible: bool


def overflow(run: Evidence) -> Overflow | None:
    """The first infinity, where it arises from values and weights far below float32's largest."""
    broken = next((m for m in run.measured if not m.finite), None)
    if broken is None or not isfinite(broken.scalars.get("images/largest", 0.0)):
        return None
    order, forward = list(broken.of("preactivation/std")), broken.broken("preactivation")
    place = order.index(forward[0]) if forward else len(order)
    if forward and place:
        seen = f"{forward[0]} gets infinity"
    elif not forward and isinf(broken.scalars.get("output/highest", 0.0)):
        seen = "the outputs hold infinity"
    elif not forward and order[-1:] == broken.broken("gradient")[-1:]:
        seen = f"the loss's gradient in {order[-1]} is infinite or NaN"
    else:
        return None
    before = order[place - 1]
    size = max(broken.of(f"{what}/largest").get(before, 0.0) for what in ("preactivation", "activation"))
    weights = broken.of("weight/std").get(order[place], 0.0) if forward else 0.0
    terms = run.context.fan_in.get(order[min(place, len(order) - 1)])
    # Not max(weights, 1.0): after an update with NaN the weights are.
    if not size * max(1.0, weights) * (terms or 1) < FAR_BELOW:
        return None
    reached = size * max(1.0, weights, size) * (terms or inf)
    narrow = run.context.computed != "float32"
    return Overflow(seen, size, narrow and (not forward or reached > HALF_LARGEST or size > log(HALF_LARGEST)))


def _out_of_nothing(run: Evidence) -> Clue | None:
    if (found := sudden(run)) is None:
        return None
    last, broken = found
    size = max(last.of("preactivation/largest").values())
    return Clue(
        5,
        f"at step {last.step} no value exceeded {number(size)} and an update was {percent(last.update_ratio() or 0.0)} "
        f"of the weights' size, and by step {broken.step} values were infinite or NaN",
    )


CAUSES = (precision, update)
