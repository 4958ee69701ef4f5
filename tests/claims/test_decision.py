"""Decisions against independent intervals, tests and published tables."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from cnnlab.claims.compared import Comparison
from cnnlab.claims.decision import (
    decide,
    decide_exactly,
    decide_share,
    decide_shares,
    holm,
)
from cnnlab.claims.interval import of_two, of_values


def blank(**settings) -> Comparison:
    return Comparison("k/k", "a", "b", n=10, **settings)


@pytest.mark.parametrize(
    ("shift", "margin", "is_", "outcome"),
    [
        (3.0, 0.5, "higher", "holds"),  # 2.1 to 3.9, above 0.5
        (0.0, 1.0, "higher", "no difference that matters"),  # -0.9 to 0.9, within 1
        (-3.0, 0.5, "higher", "does not hold"),
        (-0.8, 1.0, "higher", "does not hold"),  # -1.7 to 0.1: not better by 1, and perhaps worse by 1
        (0.6, 1.0, "higher", "inconclusive"),
        (0.0, 1.0, "equal", "holds"),
        (3.0, 1.0, "equal", "does not hold"),
        (-3.0, 1.0, "equal", "does not hold"),
        (1.0, 1.0, "equal", "inconclusive"),
    ],
)
def test_the_interval_decides_against_the_margin(shift, margin, is_, outcome):
    z = np.linspace(-1, 1, 8)
    values = shift + z * 0.9 / (stats.t.isf(0.025, 7) * z.std(ddof=1) / math.sqrt(8))  # half-width exactly 0.9
    found = decide(blank(margin=margin, is_=is_), of_values(list(values)))
    assert found.outcome == outcome and found.value == pytest.approx(shift)
    assert found.interval == pytest.approx((shift - 0.9, shift + 0.9))


@pytest.mark.parametrize(("shift", "is_"), list(product((-3, -0.7, 0, 0.7, 3), ("higher", "equal"))))
def test_p_is_where_the_interval_touches_what_decides(shift, is_):
    """p, by its definition: the (1 - p) interval just reaches one of the bounds."""
    values = shift + np.random.default_rng(5).normal(size=7)
    estimate = of_values(list(values))
    found = decide(blank(margin=1.0, is_=is_), estimate)
    if found.outcome == "inconclusive":
        assert found.p is not None and found.p > 0.05
        return
    ends = estimate.interval(found.p)
    assert min(abs(abs(end) - 1.0) for end in ends) < 1e-9 and found.p < 0.05


def test_without_scatter_the_values_themselves_decide():
    for value, is_, outcome in [
        (0.5, "higher", "holds"),
        (0.05, "higher", "no difference that matters"),
        (-0.5, "higher", "does not hold"),
        (0.05, "equal", "holds"),
        (0.5, "equal", "does not hold"),
    ]:
        found = decide(blank(margin=0.1, is_=is_), of_values([value] * 6))
        assert found.outcome == outcome and found.interval is None and found.p == 2 / 2**6
        few = decide(replace(blank(margin=0.1, is_=is_), n=5), of_values([value] * 5))
        assert few.outcome == "inconclusive" and holm([few])[0].seeds == 6  # 2 / 2^6 < 0.05 < 2 / 2^5
        assert {each.seeds for each in holm([few] * 8)} == {9}  # 2 / 2^9 < 0.05 / 8 < 2 / 2^8
        groups = decide(blank(margin=0.1, is_=is_), of_two([value] * 3, [0.0] * 4))
        assert groups.outcome == outcome and groups.p == 2 / 4**3
        counted = replace(blank(margin=0.1, is_=is_), key="model/macs")
        assert decide(counted, of_values([value] * 2)).outcome == outcome
    for is_, outcome in (("equal", "holds"), ("higher", "no difference that matters")):
        for same in (of_values([0.0] * 2), of_two([0.5] * 2, [0.5] * 2)):
            (found,) = holm([decide(replace(blank(margin=0.01, is_=is_), n=2), same)])
            assert (found.outcome, found.p, found.seeds) == (outcome, None, None)


def test_seeds_that_would_decide_do_decide_in_most_repetitions():
    draws = np.random.default_rng(1)
    first = decide(blank(margin=1.0), of_values(list(1.5 + 0.8 * (z := draws.normal(size=10)) / z.std(ddof=1) - 0)))
    assert first.value is not None
    found = decide(Comparison("k/k", "a", "b", n=6, margin=1.0), of_values([1.3, 2.4, 0.6, 1.9, 1.1, 1.7]))
    (found,) = holm([found])
    assert found.outcome == "inconclusive" and found.seeds is not None and found.seeds > 6
    sd = float(np.std([1.3, 2.4, 0.6, 1.9, 1.1, 1.7], ddof=1))
    decided = [
        decide(blank(margin=1.0), of_values(list(draws.normal(1.5, sd, found.seeds)))).outcome == "holds"
        for _ in range(400)
    ]
    assert 0.72 < np.mean(decided) < 0.9


@pytest.mark.parametrize(("difference", "is_"), [(1.5, "higher"), (0.0, "equal"), (0.3, "equal"), (1.6, "equal")])
@pytest.mark.parametrize("places", [1, 8])
def test_seeds_that_would_decide_do_so_as_it_is_judged(difference, is_, places):
    """Of several places, of which Holm's method asks more; and of equality, whose interval has to end at both sides."""
    seen = [difference + z for z in (-1.0, 0.6, 1.2, -0.9, 0.8, -0.7)]
    settings = {"n": 6, "margin": 1.0, "is_": is_}
    first = holm([decide(Comparison("k/k", "a", "b", **settings), of_values(seen))] * places)
    assert {each.outcome for each in first} == {"inconclusive"}
    seeds, sd = first[0].seeds, float(np.std(seen, ddof=1))
    assert seeds is not None
    draws = np.random.default_rng(2).normal(difference, sd, (320 // places, places, seeds))
    judged = [holm([decide(Comparison("k/k", "a", "b", **settings), of_values(v)) for v in own]) for own in draws]
    decided = np.mean([each.outcome != "inconclusive" for own in judged for each in own])
    assert 0.74 < decided < (0.92 if places == 1 else 1.0)


def test_what_only_holm_s_method_leaves_open_says_how_many_seeds_it_takes():
    clear = decide(Comparison("k/k", "a", "b", n=6, margin=1.0), of_values([2.9, 1.4, 2.4, 3.6, 1.5, 2.6]))
    (alone,), among = holm([clear]), holm([clear] * 20)
    assert (alone.outcome, alone.seeds) == ("holds", None)
    assert among[0].outcome == "inconclusive" and among[0].seeds is not None and among[0].seeds > 6


def test_every_run_decides_an_exact_claim():
    assert decide_exactly(blank(), [3, 1]).outcome == "holds"
    assert decide_exactly(blank(), [3, 0]).outcome == "does not hold"
    assert decide_exactly(blank(is_="equal"), [0.0, 0.0]).outcome == "holds"
    assert decide_exactly(blank(is_="equal", margin=0.1), [0.05, -0.2]).outcome == "does not hold"
    assert decide_exactly(blank(is_="equal", margin=0.1), [0.05, -0.2]).value == -0.2
    assert decide_exactly(blank(is_="equal"), [0.0, math.nan]).outcome == "does not hold"
    assert decide_exactly(blank(), [math.inf]).outcome == "holds"


def test_a_share_has_clopper_and_pearson_s_interval():
    """None of 14: upper end 1 - 0.025^(1/14) = 0.2316, the closed form of the published interval."""
    found = decide_share(blank(rule="trained", is_="lower"), 0, 14, 0.5)
    assert found.interval == pytest.approx((0.5 - (1 - 0.025 ** (1 / 14)), 0.5))
    assert found.outcome == "holds" and found.p == pytest.approx(2 * 0.5**14)
    assert decide_share(blank(is_="lower"), 14, 14, 0.5).outcome == "does not hold"
    assert decide_share(blank(is_="higher"), 14, 14, 0.5).outcome == "holds"
    assert decide_share(blank(is_="lower"), 0, 5, 0.5).outcome == "inconclusive"  # 2 / 32


def test_two_shares_have_fisher_s_test():
    """The lady tasting tea, 3 of 4 against 1 of 4: one-sided 17 / 70 (Fisher 1935)."""
    found = decide_shares(blank(rule="trained"), (3, 4), (1, 4))
    assert found.outcome == "inconclusive" and found.p == pytest.approx(2 * 17 / 70)
    clear = decide_shares(blank(), (6, 6), (0, 6))
    assert clear.outcome == "holds" and clear.value == 1.0 and clear.p == pytest.approx(2 / math.comb(12, 6))
    assert decide_shares(blank(is_="lower"), (6, 6), (0, 6)).outcome == "does not hold"


def test_holm_by_hand_and_what_does_not_survive_it():
    """0.01, 0.02, 0.03 times 3, 2, 1, never falling: 0.03, 0.04, 0.04 (Holm 1979)."""
    found = [blank(p=p, outcome="holds") for p in (0.02, 0.01, 0.03)] + [blank(outcome="does not hold")]
    adjusted = holm(found)
    assert [each.p_holm for each in adjusted] == [pytest.approx(0.04), pytest.approx(0.03), pytest.approx(0.04), None]
    assert [each.outcome for each in adjusted] == ["holds"] * 3 + ["does not hold"]
    lost = holm([blank(p=0.04, outcome="holds"), blank(p=0.03, outcome="holds")])
    assert [each.outcome for each in lost] == ["inconclusive"] * 2
