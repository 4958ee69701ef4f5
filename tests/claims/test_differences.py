"""Differences between groups, against scipy, naive formulas, and published examples."""

import math
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from cnnlab.claims.differences import (
    MOST_SEEDS,
    differences,
    hedges_g,
    holm_adjusted,
    p_of_constants,
    power_of_t,
    seeds_for,
    seeds_needed,
)

# Hours of sleep gained with two drugs by ten patients: Student 1908, Biometrika 6:1-25, as in R's `sleep`.
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_welch_s_test_is_that_of_a_textbook_example(group):
    """R's manual, t.test(extra ~ group, data = sleep): p 0.07939, 95 % -3.3654832 to 0.2054832."""
    (found,) = differences([group("1", FIRST, "time/hours"), group("2", SECOND, "time/hours")])
    assert (found.better.name, found.other.name, found.method) == ("1", "2", "Welch")
    assert found.interval == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)
    assert found.p == pytest.approx(0.07939, abs=5e-6) and found.verdict == "inconclusive"


def test_the_paired_test_is_that_of_the_same_example(group):
    """R's manual, t.test(..., paired = TRUE): p 0.002833, 95 % -2.4598858 to -0.7001142."""
    (found,) = differences([group("1", FIRST, "time/hours"), group("2", SECOND, "time/hours")], paired=True)
    assert found.interval == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)
    assert found.p == pytest.approx(0.002833, abs=5e-7) and found.verdict == "different"
    assert found.correlation == pytest.approx(stats.pearsonr(FIRST, SECOND).statistic) and found.pairs == 10


def test_pairs_are_runs_of_one_seed(group):
    a, b = group("a", [0.9, None, 0.8, 0.7]), group("b", [0.5, 0.6, 0.45])
    (found,) = differences([a, b], paired=True)
    assert found.pairs == 2 and found.value == pytest.approx((0.4 + 0.35) / 2)
    (found,) = differences([a, group("b", [0.5])], paired=True)
    assert found.verdict == "unknown" and "1 seeds in common" in found.reason


def test_pairs_that_contradict_the_means_are_no_verdict(group):
    a, b = group("a", [0.10, 0.20, 0.90, 0.95]), group("b", [0.30, 0.41])
    (found,) = differences([a, b], paired=True)
    assert found.better.name == "a" and found.verdict == "unknown" and "in common" in found.reason


def test_welch_agrees_with_scipy(group):
    draws = np.random.default_rng(0)
    a, b = draws.normal(0.9, 0.02, 6), draws.normal(0.88, 0.005, 4)
    (found,) = differences([group("a", a), group("b", b)])
    ours = stats.ttest_ind(found.better.values, found.other.values, equal_var=False)
    assert found.p == pytest.approx(ours.pvalue)
    assert found.interval == pytest.approx(tuple(ours.confidence_interval(0.95)))


def _holm(p: list[float]) -> list[float]:
    """Holm 1979, Scandinavian Journal of Statistics 6:65-70, step by step."""
    order, adjusted, highest = sorted(range(len(p)), key=p.__getitem__), [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, p[i] * (len(p) - rank)))
        adjusted[i] = highest
    return adjusted


def test_what_is_adjusted_comes_in_the_order_given_with_the_level_of_what_is_open():
    p = [0.01, 0.5, 0.03, 0.005, 0.03]
    adjusted, level = holm_adjusted(p)
    assert adjusted == pytest.approx(_holm(p))
    assert level == pytest.approx(0.05 / 3)  # 0.01 times 4 is below 0.05, 0.03 times 3 is not
    assert holm_adjusted([]) == ([], pytest.approx(0.05)) and holm_adjusted([0.04])[0] == [0.04]


def test_all_pairs_are_compared_and_adjusted_by_holm_s_steps(group):
    assert _holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    draws = np.random.default_rng(1)
    groups = [group(str(m), draws.normal(m, 0.02, 5)) for m in (0.90, 0.895, 0.86, 0.60)]
    found = differences(groups)
    assert len(found) == 6
    p = [stats.ttest_ind(d.better.values, d.other.values, equal_var=False).pvalue for d in found]
    assert [d.p_holm for d in found] == pytest.approx(_holm(p))
    assert [d.verdict == "different" for d in found] == [q < 0.05 for q in _holm(p)]
    assert {d.verdict for d in found} == {"different", "inconclusive"}


def test_hedges_g_is_that_of_a_textbook_example(group):
    """Borenstein et al. 2009, Introduction to Meta-Analysis, p. 26 f.: means 103 and 100, deviations 5.5 and 4.5, 50
    each, g = 0.5924."""
    step = math.sqrt(49 / 50)  # 25 values at each of mean +- step * sd have a sample deviation of sd
    a, b = (
        group(str(m), [m + s * step * sd for s in (-1, 1) for _ in range(25)], "x")
        for m, sd in ((103, 5.5), (100, 4.5))
    )
    assert hedges_g(a, b) == pytest.approx(0.5924, abs=5e-5)


# Cohen 1988, Statistical Power Analysis, table 2.4.1: seeds per group at alpha 0.05 (two-sided) and power 0.80.
@pytest.mark.parametrize(("d", "seeds"), [(0.5, 64), (0.8, 26), (1.0, 17)])
def test_seeds_that_it_takes_are_those_of_cohen_s_table(group, d, seeds):
    step = math.sqrt(1 / 2)
    a, b = (group(str(m), [m - step, m + step], "x") for m in (d, 0.0))
    (found,) = differences([a, b])
    assert seeds_needed(found, 0.05) == seeds == found.seeds


def test_what_was_not_found_takes_more_seeds_than_there_were(group):
    """Three seeds with very different scatter leave Welch's test two degrees of freedom."""
    groups = [group("a", [0.98, 0.95, 0.90]), group("b", [0.2, 0.2, 0.2002]), group("c", [0.5, 0.9, 0.1])]
    found = [each for each in differences(groups * 1) if each.verdict == "inconclusive"]
    assert found and all(each.seeds > 3 for each in found)


def test_seeds_that_it_takes_reach_the_power_in_a_simulation(group):
    (found,) = differences([group("a", [1.0, 2.0, 3.0], "x"), group("b", [1.8, 2.8, 3.8], "x")])
    draws, n = np.random.default_rng(0), found.seeds
    a, b = draws.normal(0, 1, (4000, n)), draws.normal(0.8, 1, (4000, n))
    assert (stats.ttest_ind(a, b, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.025)


def _simulated(shift: float, freedom: float, alpha: float) -> float:
    """Share of 400,000 draws of a noncentral t beyond the quantile."""
    draws = np.random.default_rng(0)
    drawn = draws.normal(shift, 1, 400_000) / np.sqrt(draws.chisquare(freedom, 400_000) / freedom)
    return float((abs(drawn) > stats.t.isf(alpha / 2, freedom)).mean())


@pytest.mark.parametrize("freedom", [1.0, 1.1, 2.5, 30.0])
@pytest.mark.parametrize("shift", [0.1, 3.0, 9.0, 40.0])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 45])
def test_the_power_of_t_is_that_of_draws_also_where_scipy_has_no_value(freedom, shift, alpha):
    assert power_of_t(shift, freedom, alpha) == pytest.approx(_simulated(shift, freedom, alpha), abs=0.0035)


def test_larger_effects_never_take_more_seeds():
    assert seeds_for(6, 2, 0.05) == 2
    for freedom in (1.0, 1.1, 2.0):
        for alpha in (0.05, 0.05 / 6):
            seeds = [seeds_for(effect, freedom, alpha) for effect in (0.5, 1, 2, 3, 6, 10, 20)]
            assert seeds == sorted(seeds, reverse=True) and seeds[-1] <= 3


def test_a_tiny_difference_takes_more_seeds_than_anybody_has_and_none_takes_none(group):
    (found,) = differences([group("a", [0.0, 1.0], "x"), group("b", [1e-6, 1.0], "x")])
    assert found.seeds == MOST_SEEDS
    (found,) = differences([group("a", [0.0, 1.0], "x"), group("b", [1.0, 0.0], "x")])
    assert found.verdict == "inconclusive" and found.seeds is None


def test_groups_of_constants_differ_exactly_or_not_at_all(group):
    a, b, c = group("a", [0.1] * 4), group("b", [0.1] * 5), group("c", [0.3] * 4)
    first, second, third = differences([a, b, c])
    assert first.value == second.value == pytest.approx(0.2) and first.is_real
    assert (first.verdict, third.verdict) == ("exact", "equal")
    assert (first.interval, first.p, first.g, third.value) == (None, 2 / 4**4, None, 0.0)


def test_what_cannot_vary_between_seeds_differs_exactly_with_any_number_of_them(group):
    for paired in (False, True):
        (found,) = differences([group(n, [v] * 2, "model/parameters") for n, v in (("a", 9.0), ("b", 8.0))], paired)
        assert (found.better.name, found.verdict, found.p) == ("b", "exact", None)


@pytest.mark.parametrize(("n", "verdict"), [(2, "inconclusive"), (5, "inconclusive"), (6, "exact")])
def test_equal_differences_of_few_pairs_may_be_chance(group, n, verdict):
    a, b = group("a", [0.25, 0.5] * 3), group("b", [0.125, 0.375] * 3)
    (found,) = differences([replace(each, runs=each.runs[:n]) for each in (a, b)], paired=True)
    assert found.verdict == verdict and found.p == 2 / 2**n and found.interval is None
    assert found.seeds == (None if verdict == "exact" else 6)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_chance_alone_gives_constants_no_more_often_than_said(groups, n):
    """Enumerated: differences of +1, 0 or -1 with equal shares of both signs; groups of up to four values."""
    found = []
    for share in np.linspace(0, 1, 21):
        if groups == 1:
            found.append(2 * (share / 2) ** n)
        else:
            rest = (1 - share) * np.array([[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3])
            for values in ((share, *each) for each in rest):
                found.append(sum((p * q) ** n for p, q in permutations(values, 2)))
    assert max(found) == pytest.approx(p_of_constants(n, groups), rel=1e-9)


def test_accuracies_on_few_images_are_rarely_different_where_nothing_differs(group):
    """Two pairs of runs of one design on 20 test images: the same difference in both is common."""
    draws = np.random.default_rng(0).binomial(20, 0.9, (1000, 2, 2))
    constant = [each for each in draws if np.ptp(each[0] - each[1]) == 0 and each[0, 0] != each[1, 0]]
    assert len(constant) > 50
    for a, b in constant[:5]:
        (found,) = differences([group("a", a / 20), group("b", b / 20)], paired=True)
        assert found.value and not found.is_real


def test_where_all_is_between_two_bounds_the_power_is_that_of_draws():
    draws, n = np.random.default_rng(0), 9
    values = draws.normal(0.3, 1, (40_000, n))
    half = stats.t.isf(0.025, n - 1) * values.std(axis=1, ddof=1) / n**0.5
    inside = (values.mean(axis=1) - half > -1) & (values.mean(axis=1) + half < 1)
    assert power_of_t(0.7 * n**0.5, n - 1, 0.05, 1.3 * n**0.5) == pytest.approx(inside.mean(), abs=0.01)
    assert seeds_for(1, 1, 0.05, 1) > seeds_for(1, 1, 0.05)


def test_a_constant_beside_a_group_that_scatters_is_tested(group):
    (found,) = differences([group("a", [0.1] * 3), group("b", [0.9, 0.92, 0.95])])
    ours = stats.ttest_1samp([0.9, 0.92, 0.95], 0.1)
    assert found.p == pytest.approx(ours.pvalue) and found.verdict == "different"


def test_what_cannot_be_known_is_not_guessed(group):
    cases = {
        "one seed": group("b", [0.5]),
        "has no results": group("b", [None]),
        "not every test accuracy of b is a number": group("b", [math.nan, 0.5]),
    }
    for reason, other in cases.items():
        (found,) = differences([group("a", [0.9, 0.8]), other])
        assert found.verdict == "unknown" and reason in found.reason and found.p is None
    assert differences([group("a", [0.9])]) == []


def test_losses_are_better_when_smaller(group):
    (found,) = differences([group("a", [0.9, 0.8], "test/loss"), group("b", [0.1, 0.12], "test/loss")])
    assert found.better.name == "b" and found.value < 0
