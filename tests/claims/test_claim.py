"""What a claim's YAML may say."""

import pytest

from cnnlab.claims.claim import changed, check_levels, keys_of, read_claim, without_unused
from cnnlab.common.errors import InputError

HE = {"sentence": "He suits ReLU.", "arm": "he", "than": "xavier", "margin": 0.01}


def test_what_is_left_out_has_the_usual_value():
    claim = read_claim({**HE, "guess": None})
    assert (claim.keys, claim.arms, claim.than) == (("test/accuracy",), ("he",), ("xavier",))
    assert (claim.is_, claim.rule, claim.times, claim.of) == ("higher", "means", 1.0, "text")


def test_several_of_each():
    claim = read_claim({**HE, "key": ["a/b", "a/c"], "arm": ["he", "lsuv"], "than": ["xavier", 0.5]})
    assert claim.keys == ("a/b", "a/c") and claim.arms == ("he", "lsuv") and claim.than == ("xavier", 0.5)


def test_words_are_looked_up_as_text():
    claim = read_claim({**HE, "words": {3: "3 channels"}})
    assert claim.call("3") == "3 channels" and claim.call("he") == "he"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"margn": 1}, "claim.margn is no setting. Did you mean 'margin'"),
        ({"sentence": None}, "claim.sentence is missing"),
        ({"than": None}, "claim.than is missing"),
        ({"is": "better"}, "claim.is=better is not allowed.\nAllowed: higher | lower | equal"),
        ({"rule": "anova"}, "claim.rule=anova is not allowed.\nAllowed: means | exact | trained"),
        ({"margin": 0}, "the smallest difference that matters"),
        ({"margin": -1}, "claim.margin=-1"),
        ({"guess": "yes"}, "claim.guess=yes is not allowed.\nAllowed: holds | does not hold"),
    ],
)
def test_what_is_refused(change, words):
    with pytest.raises(InputError) as error:
        read_claim({**HE, **change})
    assert words in str(error.value)


SHARE = {"sentence": "s", "arm": "he", "than": 0.5, "rule": "trained"}
SLOPE = {"sentence": "s", "key": "k/k", "than": -1.5, "over": "model.depth", "rule": "slope", "margin": 0.5}


@pytest.mark.parametrize(
    ("claim", "change", "words"),
    [
        (HE, {"over": "depth"}, "claim.over=depth: claim.rule=means has no use for it.\nLeave it out"),
        (SHARE, {"margin": 0.9}, "claim.margin=0.9: claim.rule=trained has no use for it.\nLeave it out, or choose"),
        (SHARE, {"times": 3}, "claim.times=3: claim.rule=trained has no use for it"),
        (SHARE, {"key": "test/loss"}, "or choose the rule that has: means, exact, slope, best_slope."),
        (SHARE, {"is": "equal"}, "claim.is=equal: claim.rule=trained says which share of runs is higher"),
        (SHARE, {"than": "test/chance"}, "claim.than=test/chance: a share of runs is compared with a number"),
        (HE, {"arm": 5}, "claim.arm=5 is not allowed.\nAllowed: the name of an arm, a number in quotes"),
        (SLOPE, {"times": 2}, "claim.times=2: claim.rule=slope has no use for it"),
        (SLOPE, {"key": ["k/k", "k/l"]}, "a slope is that of one key, and compared with one number"),
        (SLOPE, {"than": [-1, -2]}, "claim.than=[-1,-2]: a slope is that of one key"),
        ({**SLOPE, "rule": "best_slope"}, {"arm": "he"}, "claim.arm=he: claim.rule=best_slope has no use for it"),
    ],
)
def test_what_would_decide_nothing_is_refused(claim, change, words):
    read_claim(claim)
    with pytest.raises(InputError) as error:
        read_claim({**claim, **change})
    assert words in str(error.value)


def test_a_number_that_is_also_an_arm_has_to_be_said_which():
    axes = {"model.kernel_size": ["3", "5"], "depth": ["1", "2"]}
    sides = {"sentence": "s", "key": "model/map_side", "arm": "5", "margin": 1}
    check_levels(read_claim({**sides, "than": "3"}), axes)
    check_levels(read_claim({**sides, "than": 4}), axes)
    check_levels(read_claim({**SLOPE, "rule": "best_slope", "than": 3, "over": "depth"}), axes)  # a slope of 3
    for than in (3, 3.0):
        with pytest.raises(InputError, match=f"is typed in quotes, \"claim.than='{than}'\""):
            check_levels(read_claim({**sides, "than": than}), axes)


AXES = {"arm": ["he", "xavier"], "model.depth": ["8", "22"]}


def test_arms_and_axes_that_the_sweep_has():
    check_levels(read_claim(HE), AXES)
    check_levels(read_claim({**HE, "than": [0.5, "test/chance"]}), AXES)
    check_levels(read_claim({**HE, "arm": ["he", "xavier"]}), AXES)  # he against xavier
    check_levels(read_claim({**HE, "arm": None, "than": 0.5}), {})  # all runs of one design
    check_levels(read_claim(SLOPE), AXES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arm": "hee"}, "claim.arm=hee: the sweep has no such arm. Did you mean 'he'?\nThere are: he, xavier"),
        (
            {"arm": "xavier"},
            "claim.than=xavier: nothing is compared with it, since no arm is compared with itself.\nGive",
        ),
        ({"arm": None, "than": ["he", "xavier"]}, "claim.than=he, xavier: nothing is compared with it"),
        ({"than": "lsuv"}, "claim.than=lsuv: the sweep has no such arm"),
        ({"rule": "slope", "than": 1, "over": "model.width"}, "There are: model.depth."),
        ({"rule": "slope", "over": "model.depth"}, "a slope is compared with a number"),
        (
            {"rule": "best_slope", "arm": None, "than": 1, "over": "model.depth"},
            "the best arm is looked for between numbers, and there are he, xavier",
        ),
    ],
)
def test_arms_and_axes_that_it_lacks(change, words):
    with pytest.raises(InputError) as error:
        check_levels(read_claim({**HE, **change}), AXES)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"margin": 2},
            "claim.margin=2 is 200 points: test/accuracy is between 0 and 1, so that no difference matters.\n2",
        ),
        ({"margin": 2}, "2 points are claim.margin=0.02."),
        ({"margin": 1, "key": ["train/loss", "test/accuracy@shift=2"]}, "One point is claim.margin=0.01."),
        ({"margin": 150, "rule": "exact"}, "One point is claim.margin=0.01"),
        ({"than": 90}, "claim.than=90: test/accuracy is between 0 and 1.\n90 % are claim.than=0.9; an arm"),
        ({"than": ["xavier", -1]}, "claim.than=-1"),
        ({"than": 0.5, "times": 3}, "claim.than=0.5 times 3: test/accuracy is between 0 and 1."),
        (
            {"than": 50, "rule": "trained", "margin": 0},
            "claim.than=50: a share of runs is between 0 and 1.\n50 %",
        ),
    ],
)
def test_points_and_percent_of_shares_are_refused(change, words):
    with pytest.raises(InputError) as error:
        read_claim({**HE, **change})
    assert words in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"margin": 2, "key": "test/loss", "than": 90},
        {"margin": 0.5, "than": [0, 1]},
        {"margin": 1.5, "times": 4},  # an accuracy is at most 1 more than 4 times another, and 4 less
        {"margin": 2, "rule": "slope", "than": -3, "over": "model.depth"},
    ],
)
def test_other_numbers_may_be_large(change):
    check_levels(read_claim({**HE, **change}), AXES)


def test_a_number_that_is_an_arm_as_well_is_asked_about():
    for change, what in (
        ({}, "a number to compare test/accuracy with"),
        ({"rule": "trained", "margin": 0}, "a share of runs"),
    ):
        with pytest.raises(InputError) as error:
            check_levels(read_claim({**HE, "arm": "0.1", "than": 0.5, **change}), {"init.std": ["0.1", "0.5"]})
        assert str(error.value).startswith(f"claim.than=0.5: {what}, or the arm init.std=0.5?")


def test_a_sweep_of_a_single_design_has_no_arms():
    with pytest.raises(InputError, match="There are: none, since nothing is swept"):
        check_levels(read_claim(HE), {})


def test_only_what_decides_counts_as_changed():
    assert changed(HE, {**HE, "guess": "holds", "sentence": "He suits."}) == []
    assert changed(HE, {**HE, "key": "test/accuracy"}) == []  # the usual, written out
    assert changed(HE, {**HE, "margin": 0.001}) == ["margin"]
    assert changed(HE, {**HE, "than": ["xavier", "lsuv"]}) == ["than"]
    old = {**SHARE, "margin": 0.1}  # as earlier versions took it
    assert changed(old, SHARE) == [] and changed(old, {**HE, "than": 0.5}) == ["rule", "margin"]
    assert without_unused(old) == SHARE and without_unused(HE) == HE


def test_the_keys_that_a_setting_names():
    content = {**HE, "key": ["a/b", "a/*"], "than": ["xavier", 0.5, "test/chance"]}
    assert keys_of(content, "key") == ["a/b", "a/*"] and keys_of(HE, "key") == ["test/accuracy"]
    assert keys_of(content, "than") == ["test/chance"] and keys_of(content, "arm") == []
