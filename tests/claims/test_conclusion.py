"""The answer in one sentence, for every kind of answer."""

import math

import pytest

from cnnlab.claims.conclusion import caveats, conclusion, states_in_words
from cnnlab.claims.differences import differences
from cnnlab.claims.experiment import load
from cnnlab.claims.groups import groups_of
from cnnlab.claims.metric import Metric


@pytest.fixture
def answer(group):
    """answer({"a": [0.9, ...]}, paired, key): the sentence."""

    def answer(arms: dict, paired: bool = False, key: str = "test/accuracy") -> str:
        groups = [group(name, values, key) for name, values in arms.items()]
        return conclusion(groups, differences(groups, paired))

    return answer


def test_two_arms_that_differ(answer):
    said = answer({"single5x5": [0.9010, 0.9020, 0.9030], "stacked3x3": [0.9052, 0.9062, 0.9072]})
    assert said == "stacked3x3 beats single5x5 by 0.42 points, 95 % 0.19 to 0.65, 3 seeds each."


def test_two_arms_of_which_it_is_not_known_say_how_many_seeds_would_tell(answer):
    said = answer({"a": [0.90, 0.92, 0.94], "b": [0.91, 0.93, 0.95]})
    assert said.startswith("No difference found between b and a (1.00 points, 95 % -3.53 to 5.53, 3 seeds each; about ")
    assert said.endswith(" seeds each would tell).")
    assert "6 and 2 seeds" in answer({"a": [0.90, 0.92, 0.94] * 2, "b": [0.90, 0.93]})
    assert "equal means" in answer({"a": [0.90, 0.92], "b": [0.92, 0.90]})


def test_a_loss_is_better_when_smaller_and_its_difference_is_positive(answer):
    said = answer({"a": [0.50, 0.51, 0.52], "b": [0.10, 0.11, 0.12]}, key="test/loss")
    assert said == "b beats a by 0.40 in test loss, 95 % 0.38 to 0.42, 3 seeds each."


def test_pairs_are_named(answer):
    assert "3 pairs of seeds" in answer({"a": [0.1, 0.5, 0.9], "b": [0.15, 0.56, 0.96]}, paired=True)


def test_pairs_of_equal_difference_are_exact(answer):
    scattered = [0.1, 0.5, 0.9]
    assert (
        answer({"a": scattered, "b": scattered}, paired=True) == "a and b are equal in every pair (3 pairs of seeds)."
    )
    said = answer({"a": [0.25, 0.5] * 3, "b": [0.125, 0.375] * 3}, paired=True)
    assert said == "a beats b by exactly 12.50 points, 6 pairs of seeds: in every pair."
    said = answer({"a": [0.25, 0.5], "b": [0.125, 0.375]}, paired=True)  # as chance alone gives it
    assert (
        said == "No difference found between a and b (12.50 points, 2 pairs of seeds; about 6 seeds each would tell)."
    )


def test_constants_are_exact(answer):
    said = answer({"a": [0.1] * 3, "b": [0.3] * 3})
    assert said.startswith("b beats a by exactly 20.00 points, 3 seeds each: no run")
    assert answer({"a": [0.1] * 3, "b": [0.1] * 3}) == "a and b are equal: every run gave 10.00 %."


def test_one_seed_is_no_verdict(answer):
    said = answer({"a": [0.9], "b": [0.8]})
    assert (
        said == "Whether a and b differ is not known (one seed: not known): a 90.00 % (1 seed) and b 80.00 % (1 seed)."
    )


def test_one_group_is_a_mean(answer):
    assert answer({"a": [0.9, 0.9]}) == "a: 90.00 % in every run, 2 seeds."
    assert answer({"a": [0.9]}).startswith("a: 90.00 %, one seed:")
    assert answer({"a": [0.90, 0.92]}) == "a: 91.00 %, 95 % 78.29 to 100.00, 2 seeds."


def test_many_arms_name_the_best_and_what_cannot_be_told_from_it(answer):
    near, far = [0.90, 0.91, 0.92, 0.93], [0.30, 0.31, 0.32, 0.33]
    said = answer({"a": near, "b": [v - 0.005 for v in near], "c": far, "d": [0.5]})
    assert said.startswith("a has the highest mean test accuracy, 91.50 % (4 seeds); not distinguishable from it: b;")
    assert "not compared: d" in said and "beaten: c" in said and said.endswith("(Holm over 3 pairs).")
    said = answer({"a": near, "b": far, "c": [v - 0.1 for v in far]})
    assert said.startswith("a beats all 2 others (91.50 %); the next, b, by 60.00 points, 95 % ")
    said = answer({str(i): near for i in range(9)})
    assert "1; 2; 3; 4 and 4 others" in said


def test_nothing_to_compare_is_said(answer):
    assert answer({"a": [None, None]}) == "No run has a result yet: 2 runs: 2 failed."
    assert "not every test loss of a is a number" in answer({"a": [math.nan], "b": [None]}, key="test/loss")


def test_what_a_name_does_not_say_is_a_caveat_once(make_sweep):
    experiment = load([make_sweep({"a": [0.1, 0.2], "b": [0.3, 0.4]})])
    groups = groups_of(experiment, Metric())
    said = "init=he takes the gain of sigmoid."
    for run in groups[1].runs:
        object.__setattr__(run, "status", {**run.status, "remarks": [said]})
    assert caveats(experiment, groups) == [said]


def test_caveats_count_and_name_what_is_missing(make_sweep):
    experiment = load(
        [make_sweep({"a": [0.9, 0.8, ("diverged", {"test/accuracy": 0.1, "test/loss": "nan"})], "b": ["queued"]})]
    )
    said = " ".join(caveats(experiment, groups_of(experiment, Metric("test/loss"))))
    assert "4 runs: 2 completed, 1 diverged, 1 never ran." in said and "No result of b." in said
    assert (
        "The test loss is not a number, or infinite, in 1 of 3 runs of a: without a mean, it is not compared." in said
    )
    assert "Diverged runs count" not in said, "the loss of none does"
    said = " ".join(caveats(experiment, groups_of(experiment, Metric())))
    assert "Diverged runs count with the test accuracy that they have." in said and "not a number" not in said
    clean = load([make_sweep({"a": [0.9, 0.8]}, name="clean")])
    assert caveats(clean, groups_of(clean, Metric())) == []


def test_a_mean_that_is_not_known_keeps_no_other_pair_from_being_compared(make_sweep):
    nan = {"test/accuracy": "nan"}
    experiment = load([make_sweep({"a": [nan, 0.8], "b": [0.5, 0.51, 0.52], "c": [0.9, 0.91, 0.92], "d": [nan]})])
    groups = groups_of(experiment, Metric())
    assert conclusion(groups, differences(groups)).startswith("c beats b by 40.00 points")
    assert caveats(experiment, groups) == [
        "The test accuracy is not a number, or infinite, in 1 of 2 runs of a; 1 of 1 run of d: without a mean, they "
        "are not compared."
    ]


def test_states_are_counted_in_words():
    assert states_in_words(["completed", "queued", "running"]) == "3 runs: 1 completed, 1 still running, 1 never ran"


def test_of_a_number_that_is_neither_good_nor_bad_the_higher_exceeds(answer):
    said = answer({"xavier": [0.50, 0.55, 0.45], "he": [1.0, 1.1, 0.9]}, key="signal/variance_gain@init")
    assert said.startswith("he exceeds xavier by 0.50 in signal variance gain@init")
    said = answer({"a": [9, 9], "b": [9, 9], "c": [5, 5]}, key="model/receptive_field")
    assert said == "a has the highest mean model receptive field, 9 (2 seeds); equal to it: b; lower: c."


def test_what_the_settings_alone_decide_needs_no_more_seeds(answer):
    said = answer({"long": [200] * 2, "short": [100] * 2}, key="train/steps")
    assert said.startswith("long exceeds short by exactly 100 in train steps, 2 seeds each")


def test_arms_that_are_all_equal_have_no_best_one(answer):
    assert answer({"a": [0.1] * 3, "b": [0.1] * 3, "c": [0.1] * 2}) == "All 3 arms are equal: 10.00 %."
    rows = {arm: [0.1, 0.2, 0.3] for arm in "abc"}
    assert answer(rows, paired=True) == "All 3 arms are equal in every pair of seeds, with mean 20.00 %."


def test_where_some_equal_the_best_they_are_named_as_such_and_nothing_is_adjusted(answer):
    said = answer({"a": [2.0] * 3, "b": [2.0] * 3, "c": [3.0] * 3}, key="model/parameters")
    assert said == "a has the lowest mean model parameters, 2 (3 seeds); equal to it: b; beaten: c."
    said = answer({"a": [0.9, 0.91, 0.92], "b": [0.1] * 3, "c": [0.2]})
    assert "not compared: c" in said and "Holm" not in said
