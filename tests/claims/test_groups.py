"""Means, intervals and shares, against scipy, by hand, and against published tables."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cnnlab.claims.experiment import load
from cnnlab.claims.groups import Group, groups_of, has_trained, ranked, shown_step
from cnnlab.claims.metric import Metric
from cnnlab.claims.run_record import RunRecord


def test_mean_sd_and_interval_are_student_s(group):
    values = [0.91, 0.95, 0.93, 0.90]
    found = group("a", values)
    mean = sum(values) / 4
    sd = math.sqrt(sum((v - mean) ** 2 for v in values) / 3)
    half = stats.t.ppf(0.975, 3) * sd / 2
    assert found.mean == pytest.approx(mean) and found.sd == pytest.approx(sd) and found.best == 0.95
    assert found.interval == pytest.approx((mean - half, mean + half))
    assert found.whisker == pytest.approx((mean, mean - half, mean + half))


def test_an_interval_of_a_share_ends_at_0_and_1(group):
    assert group("a", [0.1, 0.99]).interval == (0.0, 1.0)
    assert group("a", [0.1, 0.99], "test/loss").interval[0] < 0


def test_one_seed_has_no_scatter_and_no_interval(group):
    found = group("a", [0.9])
    assert (found.mean, found.sd, found.interval, found.is_constant) == (0.9, None, None, False)


def test_runs_of_equal_value_have_no_interval(group):
    found = group("a", [0.1] * 3)  # whose mean is not 0.1 in floating point
    assert (found.mean, found.sd, found.interval, found.is_constant) == (0.1, 0.0, None, True)


def test_a_loss_that_is_no_number_leaves_no_mean(group):
    found = group("a", [0.5, math.nan, 0.2], "test/loss")
    assert (found.n, found.mean, found.sd, found.interval, found.best) == (3, None, None, None, 0.2)


def test_no_run_is_dropped(make_sweep):
    experiment = load([make_sweep({"a": [0.9, ("diverged", 0.1), "failed", "interrupted", "queued"]})])
    (found,) = groups_of(experiment, Metric())
    assert found.n == 2 and found.mean == pytest.approx(0.5)
    assert found.states == Counter(completed=1, diverged=1, failed=1, interrupted=1, queued=1)


def test_the_best_comes_first_whichever_way_that_is(group):
    names = [g.name for g in ranked([group("a", [0.1]), group("b", [None]), group("c", [0.9])])]
    assert names == ["c", "a", "b"]
    losses = [group("a", [0.1], "test/loss"), group("c", [0.9], "test/loss")]
    assert [g.name for g in ranked(losses)] == ["a", "c"]


def _trained(trained: int, of: int) -> Group:
    def run(accuracy: float) -> RunRecord:
        results = {"test/accuracy": accuracy, "test/chance": 0.1, "test/images": 1000}
        return RunRecord("r", Path("r"), status={"status": "completed"}, results=results)

    return Group("a", {}, Metric(), tuple(run(0.9 if i < trained else 0.1) for i in range(of)))


# Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3 (Wilson 1927, without continuity correction).
@pytest.mark.parametrize(
    ("trained", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_share_that_trained_has_wilson_s_interval(trained, of, low, high):
    found = _trained(trained, of)
    assert found.trained == (trained, of)
    assert found.trained_interval == pytest.approx((low, high), abs=5e-5)
    p, n, z = trained / of, of, stats.norm.ppf(0.975)
    centre, half = p + z**2 / 2 / n, z * math.sqrt(p * (1 - p) / n + z**2 / 4 / n**2)
    naive = ((centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n))
    assert found.trained_interval == pytest.approx(naive, abs=1e-9)


def test_a_run_trained_if_it_beats_guessing_by_more_than_guessing_scatters():
    """Guessing the largest class of 400 images, 20 % of them, scatters by 2 points: 3.9 more are needed."""
    draws = np.random.default_rng(0).binomial(400, 0.2, 20_000) / 400
    limit = 0.2 + stats.norm.ppf(0.975) * draws.std()
    for accuracy in (0.0, 0.2, limit - 0.001, limit + 0.001, 1.0):
        results = {"test/accuracy": accuracy, "test/chance": 0.2, "test/images": 400}
        assert has_trained(RunRecord("r", Path("r"), results=results)) == (accuracy > limit)
    assert has_trained(RunRecord("r", Path("r"), results={"test/accuracy": 0.9})) is None


def test_the_noise_floor_is_the_median_of_the_runs_that_know_it():
    runs = [RunRecord("r", Path("r"), results={"test/noise_floor": v}) for v in (0.01, 0.03, 0.02, math.nan)]
    assert Group("a", {}, Metric(), tuple(runs)).noise_floor == 0.02
    assert Group("a", {}, Metric(), ()).noise_floor is None


def test_numbers_show_the_smallest_scatter_or_else_difference(group):
    scattered = [group("a", [2.0, 2.2], "x"), group("b", [1.0, 1.0], "x"), group("c", [5.0, 9.0], "x")]
    assert shown_step(scattered) == pytest.approx(0.2 / 2**0.5)
    assert shown_step([group("a", [7.0], "x"), group("b", [4.0, 4.0], "x"), group("c", [4.0, math.nan], "x")]) == 3
    assert shown_step([group("a", [4.0, 4.0], "x"), group("b", [4.0], "x")]) is None
