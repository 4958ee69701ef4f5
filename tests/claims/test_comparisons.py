"""The comparisons of a claim, from runs in memory."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cnnlab.claims.claim import read_claim
from cnnlab.claims.comparisons import comparisons
from cnnlab.claims.experiment import Experiment
from cnnlab.claims.find_runs import SweepRecord
from cnnlab.claims.run_record import RunRecord

UNTRAINED = {"test/accuracy": 0.1}
DRAWS = np.random.default_rng(3)
HE, XAVIER = DRAWS.normal(0.95, 0.01, 6), DRAWS.normal(0.85, 0.02, 6)


def run(arm: str, seed: int, results: Mapping[str, float], **labels: str) -> RunRecord:
    done = {"status": "completed"}
    return RunRecord(
        f"{arm}{seed}", Path(arm), labels={"arm": arm, **labels}, seed=str(seed), status=done, results=results
    )


def experiment(*runs: RunRecord) -> Experiment:
    return Experiment((), (), tuple(runs), tuple(runs[0].labels))


def two_arms(**labels: str) -> list[RunRecord]:
    pairs = zip(HE, XAVIER, strict=True)
    return [
        each
        for seed, (a, b) in enumerate(pairs)
        for each in (
            run("he", seed, {"test/accuracy": float(a)}, **labels),
            run("xavier", seed, {"test/accuracy": float(b)}, **labels),
        )
    ]


def claim(**settings):
    usual = {"sentence": "He is better.", "arm": "he", "than": "xavier", "margin": 0.01}
    return read_claim({**usual, **settings})


def test_two_arms_are_compared_as_scipy_does():
    (found,) = comparisons(claim(), experiment(*two_arms()))
    reference = stats.ttest_ind(HE, XAVIER, equal_var=False).confidence_interval()
    assert found.interval == pytest.approx((reference.low, reference.high))
    assert found.left == pytest.approx(HE.mean()) and found.right == pytest.approx(XAVIER.mean())
    assert found.outcome == "holds" and found.n == 6


def test_lower_turns_the_sign():
    (found,) = comparisons(claim(**{"is": "lower"}), experiment(*two_arms()))
    assert found.value == pytest.approx(XAVIER.mean() - HE.mean()) and found.outcome == "does not hold"


def test_once_for_each_point_of_the_other_axes_in_order():
    runs = [*two_arms(depth="22"), *two_arms(depth="8")]
    found = comparisons(claim(words={"8": "8 layers", "22": "22 layers"}), experiment(*runs))
    assert [each.place for each in found] == ["8 layers", "22 layers"]


def test_against_a_number_and_against_a_key_of_the_same_run():
    runs = [run("he", s, {"test/accuracy": 0.1 + s / 100, "test/chance": 0.1}) for s in range(5)]
    number, key = comparisons(claim(than=[0.1, "test/chance"]), experiment(*runs))
    assert number.interval == pytest.approx(key.interval) and number.other == "0.1"
    above = [s / 100 for s in range(5)]
    reference = stats.ttest_1samp(above, 0).confidence_interval()
    assert number.interval == pytest.approx((reference.low, reference.high))


def test_times_scales_what_it_is_compared_with():
    runs = [run("he", 0, {"k/k": 49.0}), run("xavier", 0, {"k/k": 196.0})]
    (found,) = comparisons(claim(key="k/k", times=0.25, rule="exact", margin=0, **{"is": "equal"}), experiment(*runs))
    assert found.outcome == "holds" and found.other == "0.25 x xavier" and found.right == 49


def test_all_arms_where_none_is_named():
    runs = [run(arm, 0, {"k/k": 1.0}) for arm in ("a", "b", "c")]
    found = comparisons(
        claim(key="k/k", arm=None, than="c", rule="exact", margin=0, **{"is": "equal"}), experiment(*runs)
    )
    assert [(each.arm, each.other) for each in found] == [("a", "c"), ("b", "c")]


def test_exact_is_over_every_run_and_with_pairs_over_every_pair():
    runs = [
        run("he", 0, {"k/k": 1.0}),
        run("he", 1, {"k/k": 2.0}),
        run("xavier", 0, {"k/k": 1.0}),
        run("xavier", 1, {"k/k": 2.0}),
    ]
    settings = claim(key="k/k", rule="exact", margin=0, **{"is": "equal"})
    assert comparisons(settings, experiment(*runs))[0].outcome == "does not hold"
    paired = replace(experiment(*runs), sweeps=(SweepRecord(Path("s"), {"paired": True}),))
    assert comparisons(settings, paired)[0].outcome == "holds"


def test_pairs_without_a_seed_in_common_are_not_compared():
    runs = [run("he", seed, {"k/k": 1.0}) for seed in (0, 1)] + [run("xavier", seed, {"k/k": 1.0}) for seed in (2, 3)]
    settings = claim(key="k/k", rule="exact", margin=0, **{"is": "equal"})
    (found,) = comparisons(settings, replace(experiment(*runs), sweeps=(SweepRecord(Path("s"), {"paired": True}),)))
    assert found.reason == "they have no seed in common" and found.outcome == "unknown"


def test_shares_of_runs_that_trained():
    def tested(arm, seed, accuracy):
        return run(arm, seed, {"test/accuracy": accuracy, "test/chance": 0.1, "test/images": 10_000})

    runs = [tested("he", s, 0.9) for s in range(6)] + [tested("xavier", s, 0.1) for s in range(6)]
    (found,) = comparisons(claim(rule="trained", margin=0), experiment(*runs))
    assert (found.left, found.right, found.outcome) == (1, 0, "holds")
    (alone,) = comparisons(
        claim(rule="trained", margin=0, arm="xavier", than=0.5, **{"is": "lower"}), experiment(*runs)
    )
    assert alone.outcome == "holds" and alone.left == 0
    (missing,) = comparisons(claim(rule="trained", margin=0, than="lsuv"), experiment(*runs))
    assert missing.outcome == "unknown" and missing.reason == "there are no runs of lsuv"
    named = [*runs, *(tested("0.5", s, 0.1) for s in range(6))]  # none of which trained
    (number,) = comparisons(claim(rule="trained", margin=0, arm="he", than=0.5), experiment(*named))
    (arm,) = comparisons(claim(rule="trained", margin=0, arm="he", than="0.5"), experiment(*named))
    assert (number.right, arm.right) == (0.5, 0)


@pytest.mark.parametrize(
    ("runs", "reason"),
    [
        ([run("xavier", 0, {"test/accuracy": 0.5})], "there are no runs of he"),
        ([run("he", 0, {}), run("xavier", 0, {"test/accuracy": 0.5})], "no run has test/accuracy"),
        (two_arms()[:2], "a single seed"),
        ([*two_arms(), run("he", 7, {"test/accuracy": math.nan})], "not a finite number"),
        ([*two_arms(), run("he", 7, {})], "1 of 7 runs have no test/accuracy"),
        ([*two_arms(), run("xavier", 7, {})], "1 of 7 runs of xavier have no test/accuracy"),
        ([*two_arms()[::2], run("xavier", 7, {})], "no run of xavier has test/accuracy"),
    ],
)
def test_what_cannot_be_compared_is_unknown_and_says_why(runs, reason):
    (found,) = comparisons(claim(), experiment(*runs))
    assert found.outcome == "unknown" and reason in found.reason


@pytest.mark.parametrize("rule", ["means", "exact"])
@pytest.mark.parametrize(("arm", "than"), [("he", "xavier"), ("xavier", "he")])
def test_what_is_left_of_an_arm_decides_nothing_on_either_side(rule, arm, than):
    """Four of six runs of xavier failed, or have not run yet: those that ran may be the worst."""
    runs = [each if not each.name.startswith("xavier") or each.seed in "01" else replace(each, results={})
            for each in two_arms()]  # fmt: skip
    (found,) = comparisons(claim(arm=arm, than=than, rule=rule), experiment(*runs))
    assert found.outcome == "unknown" and "4 of 6 runs" in found.reason
    (key,) = comparisons(claim(arm="he", than="test/chance", rule=rule), experiment(*runs))
    assert key.reason == "no run has test/chance"


def test_a_slope_over_an_axis_one_per_seed():
    runs = [
        run("a", seed, {"k/k": (1 + seed / 50) * width ** (0.5 + seed / 100)}, width=str(width))
        for seed in range(5)
        for width in (16, 32, 64)
    ]
    settings = {
        "sentence": "s",
        "key": "k/k",
        "than": 0.5,
        "over": "width",
        "rule": "slope",
        "margin": 0.1,
        "is": "equal",
    }
    (found,) = comparisons(read_claim(settings), experiment(*runs))
    assert found.left == pytest.approx(0.52) and found.outcome == "holds" and found.n == 5
    failed = [replace(each, results={}) if each.labels["width"] == "64" else each for each in runs]
    for without in (failed, [*runs[:-1], failed[-1]], runs[:-1]):
        (open_,) = comparisons(read_claim(settings), experiment(*without))
        known = sum(bool(each.results) for each in without)
        assert open_.outcome == "unknown" and open_.reason == f"{15 - known} of 15 runs have no k/k"


def test_the_slope_of_the_best_value():
    def loss(lr, layers, seed):
        return 1 + (math.log(lr) - math.log(2 * layers ** (-1.5 + seed / 100))) ** 2

    grid = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    trained = {"test/accuracy": 0.9, "test/chance": 0.1, "test/images": 1000}
    runs = [
        RunRecord(
            f"{lr}{layers}{seed}",
            Path("x"),
            labels={"optimizer.lr": str(lr), "depth": f"[1,1,{layers}]"},
            seed=str(seed),
            status={"status": "completed"},
            results={"train/epoch_loss": loss(lr, layers, seed), **trained},
        )
        for lr in grid
        for layers in (4, 8, 22)
        for seed in range(3)
    ]
    settings = {"sentence": "s", "key": "train/epoch_loss", "than": -1.5, "over": "depth", "rule": "best_slope"}
    settings |= {"margin": 0.2, "is": "equal", "words": {f"[1,1,{n}]": f"{n} layers" for n in (4, 8, 22)}}
    (found,) = comparisons(read_claim(settings), experiment(*runs))
    assert found.left == pytest.approx(-1.49) and found.outcome == "holds"
    at = {"optimizer.lr": "0.1", "depth": "[1,1,8]"}  # the best of the grid there
    failed, diverged = (
        [replace(r, results=r.results | worse if worse else {}) if r.labels == at else r for r in runs]
        for worse in ({}, {"train/epoch_loss": math.nan})
    )
    (missing,) = comparisons(read_claim(settings), experiment(*failed))
    assert missing.outcome == "unknown" and missing.reason == "3 of 63 runs have no train/epoch_loss"
    (worst,) = comparisons(read_claim(settings), experiment(*diverged))
    assert worst.outcome != "unknown"  # that no loss is left is what the run found
    (ends,) = comparisons(
        read_claim(settings), experiment(*[r for r in runs if float(r.labels["optimizer.lr"]) > 0.02])
    )
    assert ends.outcome == "unknown" and "end of the grid" in ends.reason
    (chance,) = comparisons(
        read_claim(settings), experiment(*[replace(r, results={**r.results, **UNTRAINED}) for r in runs])
    )
    assert chance.outcome == "unknown" and "nothing trained" in chance.reason
