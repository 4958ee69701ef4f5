"""What an interval says of a claim: against the smallest difference that matters, not against zero."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scipy.stats import binomtest, fisher_exact
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from cnnlab.claims.compared import Comparison, Outcome
from cnnlab.claims.differences import ALPHA, holm_adjusted, p_of_constants, seeds_for, seeds_of_constants
from cnnlab.claims.interval import Estimate
from cnnlab.claims.metric import Metric


def decide(found: Comparison, estimate: Estimate) -> Comparison:
    """By the interval of a difference, which is positive where the claim is right.

    A claim of a difference holds if the whole interval is above the margin. If it is below, there is no difference
    that matters where it is also above minus the margin, and else the claim does not hold. A claim of equality holds
    if the interval is within the margins, and does not if it is outside. Otherwise inconclusive.
    """
    found = replace(found, value=estimate.value, estimate=estimate)
    if not estimate.scatters:
        outcome = _without_interval(found)
        # The same numbers on both sides of every run are equal, as `differences` calls them: no scatter to ask of.
        if not estimate.value or not Metric(found.key).varies:
            return replace(found, outcome=outcome)
        p = p_of_constants(estimate.n, estimate.groups)
        return replace(found, p=p, outcome=outcome if p < ALPHA else "inconclusive")
    found = replace(found, interval=estimate.interval(ALPHA))
    for outcome, p in _candidates(found, estimate):
        if p < ALPHA:
            return replace(found, outcome=outcome, p=p)
    least = min(p for _, p in _candidates(found, estimate))
    return replace(found, outcome="inconclusive", p=min(least, 1.0))


def decide_exactly(found: Comparison, differences: Sequence[float]) -> Comparison:
    """By every single run: nothing is estimated. `differences`: positive where the claim is right; NaN is wrong."""
    right = [abs(d) <= found.margin if found.is_ == "equal" else d > found.margin for d in differences]
    worst = (max if found.is_ == "equal" else min)(differences, key=lambda d: abs(d) if found.is_ == "equal" else d)
    return replace(found, value=worst, outcome="holds" if all(right) else "does not hold")


def decide_share(found: Comparison, trained: int, runs: int, than: float) -> Comparison:
    """Clopper and Pearson's interval (1934) of a share of runs, against the share `than`."""
    low, high = _ends(proportion_confint(trained, runs, alpha=ALPHA, method="beta"))
    sign = -1 if found.is_ == "lower" else 1
    ends = sorted(sign * (end - than) for end in (0.0 if trained == 0 else low, 1.0 if trained == runs else high))
    above = binomtest(trained, runs, than, alternative="greater").pvalue
    below = binomtest(trained, runs, than, alternative="less").pvalue
    right, wrong = (below, above) if found.is_ == "lower" else (above, below)
    found = replace(found, value=sign * (trained / runs - than), interval=(float(ends[0]), float(ends[1])))
    return _by_p(found, 2 * float(right), 2 * float(wrong))


def decide_shares(found: Comparison, left: tuple[int, int], right: tuple[int, int]) -> Comparison:
    """Fisher's exact test of two shares of runs that trained, (trained, runs) each; Newcombe's interval (1998)."""
    sign = -1 if found.is_ == "lower" else 1
    table = [[left[0], left[1] - left[0]], [right[0], right[1] - right[0]]]
    greater, less = (_p(fisher_exact(table, alternative=a)) for a in ("greater", "less"))
    low, high = _ends(confint_proportions_2indep(*left, *right, method="newcomb", alpha=ALPHA))
    ends = sorted((sign * low, sign * high))
    found = replace(found, value=sign * (left[0] / left[1] - right[0] / right[1]), interval=(ends[0], ends[1]))
    return _by_p(found, *((2 * less, 2 * greater) if sign < 0 else (2 * greater, 2 * less)))


def holm(found: Sequence[Comparison]) -> list[Comparison]:
    """With p adjusted for all of them (Holm 1979); a decision that does not survive it becomes inconclusive, and how
    many seeds would decide is said for the level that Holm's method asks of what is open."""
    tested, adjusted = [i for i, each in enumerate(found) if each.p is not None], list(found)
    values, level = holm_adjusted([p for each in found if (p := each.p) is not None])
    for i, p in zip(tested, values, strict=True):
        adjusted[i] = replace(found[i], p_holm=p)
        if p >= ALPHA:
            adjusted[i] = replace(adjusted[i], outcome="inconclusive", seeds=_seeds_needed(found[i], level))
    return adjusted


def _by_p(found: Comparison, right: float, wrong: float) -> Comparison:
    p, outcome = min((right, "holds"), (wrong, "does not hold"))
    return replace(found, p=min(p, 1.0), outcome=outcome if p < ALPHA else "inconclusive")


def _candidates(found: Comparison, estimate: Estimate) -> list[tuple[Outcome, float]]:
    above, below = estimate.p_above(found.margin), estimate.p_below(found.margin)
    above_minus, below_minus = estimate.p_above(-found.margin), estimate.p_below(-found.margin)
    if found.is_ == "equal":
        return [("holds", max(below, above_minus)), ("does not hold", min(above, below_minus))]
    return [("holds", above), ("no difference that matters", max(below, above_minus)), ("does not hold", below)]


def _without_interval(found: Comparison) -> Outcome:
    """Where nothing scatters."""
    assert found.value is not None
    within = abs(found.value) <= found.margin
    if found.is_ == "equal":
        return "holds" if within else "does not hold"
    return "no difference that matters" if within else "holds" if found.value > 0 else "does not hold"


def _seeds_needed(found: Comparison, level: float) -> int | None:
    """Per arm, for 80 % power at `level` if the difference seen is the true one; None where it is at the margin itself,
    and of shares."""
    estimate = found.estimate
    if estimate is None or found.n < 2:
        return None
    if not estimate.scatters:
        return max(found.n, seeds_of_constants(estimate.groups, level))
    # Equality is shown between two bounds, of which the farther one is no matter of course.
    near, far = abs(estimate.value - found.margin), math.inf
    if found.is_ == "equal":
        near, far = abs(found.margin - abs(estimate.value)), found.margin + abs(estimate.value)
        far = far if abs(estimate.value) < found.margin else math.inf
    if not near > 0:
        return None
    error, freedom = estimate.error * found.n**0.5, estimate.freedom / (found.n - 1)
    return max(found.n, seeds_for(near / error, freedom, level, far / error))


def _ends(found: Any) -> tuple[float, float]:
    return float(found[0]), float(found[1])


def _p(result: Any) -> float:
    return float(result[1])
