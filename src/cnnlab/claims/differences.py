"""Which groups differ: Welch's interval or a paired one, Hedges' g, Holm over all pairs, seeds that it would take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, count
from math import inf
from typing import Literal

import numpy as np
from scipy.stats import chi2, norm, t
from statsmodels.stats.meta_analysis import effectsize_smd
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from cnnlab.claims.groups import LEVEL, Group, ranked

ALPHA = 1 - LEVEL
POWER = 0.8
MOST_SEEDS = 10_000  # beyond, more seeds are no answer

Verdict = Literal["different", "inconclusive", "exact", "equal", "unknown"]


@dataclass(frozen=True)
class Difference:
    """`value`: mean of `better` minus mean of `other`, with its 95 % interval, which is not adjusted for the number of
    pairs; `p_holm` is. `correlation`: between the paired runs. `level`: what Holm asks of p, of an inconclusive pair.

    verdict: different | inconclusive (by p_holm), exact (the same, where nothing scatters), equal, unknown (`reason`
    says why). p of what does not scatter is that of `p_of_constants`; None where nothing can.
    """

    better: Group
    other: Group
    value: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_holm: float | None = None
    g: float | None = None
    method: Literal["Welch", "paired"] | None = None
    correlation: float | None = None
    pairs: int | None = None
    level: float | None = None
    verdict: Verdict = "unknown"
    reason: str = ""

    @property
    def is_real(self) -> bool:
        return self.verdict in ("different", "exact")

    @cached_property
    def seeds(self) -> int | None:
        """Per group, for 80 % power at `level` if the difference seen is the true one; None where nothing is asked."""
        return None if self.level is None else seeds_needed(self, self.level)


def differences(groups: Sequence[Group], paired: bool = False) -> list[Difference]:
    """Every pair of groups, the better one first, in the order of their means; the decision that the report prints.

    `paired`: by seed. Pairs of which either group has a single run, or a value that is not a number, are unknown.
    """
    found = [_compare(better, other, paired) for better, other in combinations(ranked(groups), 2)]
    tested = [i for i, each in enumerate(found) if each.p is not None]
    adjusted, level = holm_adjusted([p for each in found if (p := each.p) is not None])
    for i, p in zip(tested, adjusted, strict=True):
        sure: Verdict = "exact" if found[i].interval is None else "different"
        verdict: Verdict = sure if p < ALPHA else "inconclusive"
        found[i] = replace(found[i], p_holm=p, verdict=verdict, level=None if p < ALPHA else level)
    return found


def holm_adjusted(found: Sequence[float]) -> tuple[list[float], float]:
    """p values adjusted for all of them (Holm 1979), and the level that the method asks of those that are not below
    ALPHA then."""
    values = np.array(found, dtype=float)
    order = np.argsort(values, kind="stable")
    # As statsmodels' multipletests does, which collects garbage for 50 ms.
    values[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)).clip(max=1.0)
    return values.tolist(), ALPHA / max(int(np.sum(values >= ALPHA)), 1)


def _compare(better: Group, other: Group, paired: bool) -> Difference:
    found = Difference(better, other)
    for group in (better, other):
        if group.n == 0:
            return replace(found, reason=f"{group.name} has no results")
        if not group.is_finite:
            return replace(found, reason=f"not every {group.metric.name} of {group.name} is a number")
    assert better.mean is not None and other.mean is not None
    found = replace(found, value=better.mean - other.mean)
    if paired:
        return _paired(found)
    if min(better.n, other.n) < 2:
        return replace(found, reason="one seed: not known")
    if better.is_constant and other.is_constant:
        return _exact(found)
    means = CompareMeans(DescrStatsW(better.values), DescrStatsW(other.values))
    low, high = means.tconfint_diff(alpha=ALPHA, usevar="unequal")
    _, p, _ = means.ttest_ind(usevar="unequal")
    return replace(found, interval=(float(low), float(high)), p=float(p), g=hedges_g(better, other), method="Welch")


def _paired(found: Difference) -> Difference:
    first, second = (dict(zip(g.seeds, g.values, strict=True)) for g in (found.better, found.other))
    common = [seed for seed in first if seed is not None and seed in second]
    if len(common) < 2:
        return replace(found, reason=f"{len(common)} seeds in common: not known")
    a, b = (np.array([values[seed] for seed in common]) for values in (first, second))
    differs = a - b
    if found.better.metric.sign() * float(differs.mean()) < 0:
        return replace(found, reason="the seeds in common favour the arm with the worse mean: not known")
    found = replace(found, value=float(differs.mean()), method="paired", pairs=len(common))
    scatters = float(np.ptp(a)) > 0 and float(np.ptp(b)) > 0
    found = replace(found, correlation=float(np.corrcoef(a, b)[0, 1]) if scatters else None)
    if float(np.ptp(differs)) <= 1e-12 * float(np.abs(a).max() + np.abs(b).max()):
        return _exact(found)
    summary = DescrStatsW(differs)
    low, high = summary.tconfint_mean(alpha=ALPHA)
    _, p, _ = summary.ttest_mean()
    return replace(found, interval=(float(low), float(high)), p=float(p), g=hedges_g(found.better, found.other))


def _exact(found: Difference) -> Difference:
    """Neither group, or no pair, scatters, so the difference has no interval."""
    if not found.value or not found.better.metric.varies:
        return replace(found, verdict="exact" if found.value else "equal")
    n, groups = (found.pairs, 1) if found.pairs else (min(found.better.n, found.other.n), 2)
    return replace(found, p=p_of_constants(n, groups))


def hedges_g(a: Group, b: Group) -> float | None:
    """The difference in pooled standard deviations, corrected for small samples (Hedges 1981)."""
    if a.sd is None or b.sd is None or not a.sd + b.sd > 0:
        return None
    g, _ = effectsize_smd(a.mean, a.sd, a.n, b.mean, b.sd, b.n)
    return float(g)


def seeds_needed(found: Difference, alpha: float) -> int | None:
    """The smallest number of seeds per group that finds this difference with 80 % probability; MOST_SEEDS at most.

    None where the means are equal: no number would tell.
    """
    if not found.value:
        return None
    if found.interval is None:
        return seeds_of_constants(1 if found.method == "paired" else 2, alpha)
    if found.method == "paired":
        variances = (_sd_of_pairs(found) ** 2,)
    else:
        variances = ((found.better.sd or 0.0) ** 2, (found.other.sd or 0.0) ** 2)
    # Of a difference of means from n seeds each; Welch's degrees of freedom, n - 1 for pairs.
    effect = abs(found.value) / sum(variances) ** 0.5
    return seeds_for(effect, sum(variances) ** 2 / sum(variance**2 for variance in variances), alpha)


def p_of_constants(n: int, groups: int) -> float:
    """How often, at most, chance alone gives values that differ without scattering, as two accuracies on few images do.

    One group of n differences, as often of either sign: all the same one, 2 / 2^n. Two groups of n values each from one
    distribution: one value in either group, another one in each, which is most frequent of two values that are equally
    likely, 2 / 4^n.
    """
    return 2 / (2**n if groups == 1 else 4**n)


def seeds_of_constants(groups: int, alpha: float) -> int:
    """The smallest number of seeds per group with which what does not scatter decides at `alpha`."""
    return next(n for n in count(2) if p_of_constants(n, groups) < alpha)


def seeds_for(effect: float, freedom: float, alpha: float, room: float = inf) -> int:
    """The smallest n with 80 % power, MOST_SEEDS at most. `effect`: the difference in standard errors of one seed per
    group; `freedom`: degrees of freedom per seed beyond the first; `room`: where the interval has to end below another
    bound as well, the distance from that one, likewise."""

    def is_enough(seeds: int) -> bool:
        return power_of_t(effect * seeds**0.5, freedom * (seeds - 1), alpha, room * seeds**0.5) >= POWER

    # The normal distribution's answer, a few too low; from there by steps of one.
    seeds = max(2, int(((norm.isf(alpha / 2) + norm.ppf(POWER)) / effect) ** 2))
    while seeds < MOST_SEEDS and not is_enough(seeds):
        seeds += 1
    return min(seeds, MOST_SEEDS)


def power_of_t(shift: float, freedom: float, alpha: float, room: float = inf) -> float:
    """How often Student's t finds, at two-sided `alpha`, a mean that is `shift` standard errors from zero; or with
    `room`, from a lower bound and `room` from an upper one: how often the whole interval is between the two.

    Given the mean's own deviation z, normal, it is found where the estimated variance, by chi square, is small enough;
    summed over a grid of z. scipy's noncentral t, which is the same, has no value for few degrees of freedom and large
    shifts.
    """
    z = np.linspace(-9, 9, 4001)
    distance = np.abs(z + shift) if room == inf else np.clip(np.minimum(z + shift, room - z), 0, None)
    small_enough = freedom * (distance / t.isf(alpha / 2, freedom)) ** 2
    return float(np.sum(norm.pdf(z) * chi2.cdf(small_enough, freedom)) * (z[1] - z[0]))


def _sd_of_pairs(found: Difference) -> float:
    first, second = (dict(zip(g.seeds, g.values, strict=True)) for g in (found.better, found.other))
    return float(np.std([first[seed] - second[seed] for seed in first if seed in second], ddof=1))
