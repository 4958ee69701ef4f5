"""Which jobs a sweep has."""

from itertools import product

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from cnnlab.cli.sweeps.plan import make_plan, points
from cnnlab.common.errors import InputError


def _plan(*arguments, arms=None, tune=None, params=None):
    return make_plan(OverridesParser.create(), arguments, arms, tune, params)


def test_comma_lists_give_every_combination_seed_by_seed_the_last_list_fastest():
    plan = _plan("init=he,xavier", "dataset=mnist", "model=a,b", "seed=0,1")
    expected = [
        {"init": i, "dataset": "mnist", "model": m, "seed": s} for s, i, m in product("01", ("he", "xavier"), "ab")
    ]
    assert [dict(job.overrides) for job in plan.measuring] == expected and plan.axes == ("init", "model")
    assert plan.measuring[0].labels == {"init": "he", "model": "a"} and not plan.tuning


def test_ranges_lists_and_repeated_values():
    plan = _plan("seed=range(0,3)", "model.channels=[8],[8,16]", "init=he,he")
    assert [job.overrides["seed"] for job in plan.measuring] == ["0", "0", "1", "1", "2", "2"]
    assert plan.axes == ("model.channels",) and plan.measuring[3].labels == {"model.channels": "[8,16]"}


def test_arms_take_turns_so_that_a_machine_that_slows_down_favours_none():
    arms = {"two": ["model.convs_per_block=2"], "one": ["model.convs_per_block=1"]}
    plan = _plan("seed=range(12)", arms=arms)
    times = [(job.labels["arm"], 100 + at) for at, job in enumerate(plan.measuring)]  # a millisecond more each run
    mean = {arm: sum(time for name, time in times if name == arm) / 12 for arm in arms}
    assert mean["one"] - mean["two"] == 1, "12 where all runs of one come first"


def test_arms_are_crossed_with_comma_lists():
    arms = {"stacked": ["model=stacked3x3", "optimizer.lr=0.05"], "single": ["model=single5x5"]}
    plan = _plan("init=he,xavier", "seed=0", arms=arms)
    assert plan.axes == ("arm", "init")
    assert [job.labels for job in plan.measuring] == [
        {"arm": arm, "init": init} for arm in ("stacked", "single") for init in ("he", "xavier")
    ]
    assert plan.measuring[0].overrides == {
        "init": "he", "model": "stacked3x3", "optimizer.lr": "0.05", "seed": "0"
    }  # fmt: skip
    assert "optimizer.lr" not in plan.measuring[2].overrides


def test_the_command_line_wins_over_the_params_of_an_experiment():
    plan = _plan("seed=7", params={"seed": [0, 1], "init": "he,xavier"})
    assert [dict(job.overrides) for job in plan.measuring] == [{"seed": "7", "init": i} for i in ("he", "xavier")]


def test_tuning_tries_the_grid_for_every_arm_with_its_own_seeds():
    plan = _plan("init=he,xavier", "seed=0,1", tune={"optimizer": {"lr": "0.1,0.2"}, "seed": [100, 101]})
    tried = [(j.labels["init"], j.overrides["optimizer.lr"], j.overrides["seed"]) for j in plan.tuning]
    assert tried == list(product(("he", "xavier"), ("0.1", "0.2"), ("100", "101")))
    assert all("optimizer.lr" not in job.overrides for job in plan.measuring) and len(plan.measuring) == 4
    assert plan.grid == {"optimizer.lr": ("0.1", "0.2")} and plan.tuning[0].setting == {"optimizer.lr": "0.1"}
    flat = _plan("init=he,xavier", "seed=0,1", tune={"optimizer.lr": "0.1,0.2", "seed": "100,101"})
    assert flat.tuning == plan.tuning


def test_points_of_a_grid():
    assert points({"a": ("1", "2"), "b": ("x",)}) == [{"a": "1", "b": "x"}, {"a": "2", "b": "x"}]
    assert points({}) == [{}]


@pytest.mark.parametrize(
    "arguments, more, words",
    [
        (["optimizer.lr=interval(0,1)"], {}, "an interval has no list of values"),
        (["a="], {"arms": {"x": ["b=1,2"]}}, "hydra.sweeper.arms.x: b=1,2 has several values"),
        (["b=1"], {"arms": {"x": ["b=2"]}}, "b=1 is given, and the arm 'x' sets b=2"),
        (["lr=1"], {"tune": {"lr": "1,2", "seed": "9"}}, "lr is set, and hydra.sweeper.tune looks for the best"),
        ([], {"tune": {"lr": "1,2"}}, "seeds of its own"),
        ([], {"tune": {"seed": "1,2"}}, "needs values to try"),
        (["seed=0,1"], {"tune": {"lr": "1,2", "seed": "1,2"}}, "seed=1 both tunes and measures"),
        ([], {"tune": {"lr": "1,2", "seed": "0"}}, "seed=0 both tunes and measures"),
        (["a=[1,"], {}, "Cannot read '"),
        ([], {"arms": "x"}, "hydra.sweeper.arms=x is not allowed.\nAllowed: a mapping"),
        ([], {"arms": {"x": "b=1"}}, "hydra.sweeper.arms.x=b=1 is not allowed.\nAllowed: a list of overrides"),
        ([], {"arms": {"x": {"b": 1}}}, "hydra.sweeper.arms.x={b:1} is not allowed.\nAllowed: a list of overrides"),
        ([], {"params": ["seed=1"]}, "hydra.sweeper.params=[seed=1] is not allowed.\nAllowed: a mapping"),
        (["seed=range(1e9)", "init=he"], {}, "seed: together more than 10,000 runs"),
        (["lr=range(0,1,0.01)", "a=range(101)"], {}, "lr, a: together more than 10,000 runs"),
        (
            ["a=range(50)"],
            {"tune": {"lr": "range(30)", "seed": "range(5,15)"}},
            "a, lr: together more than 10,000 runs",
        ),
    ],
)
def test_what_cannot_be_a_sweep_is_refused(arguments, more, words):
    with pytest.raises(InputError, match=r"(?s).*") as caught:
        _plan(*arguments, **more)
    assert words in str(caught.value) and len(str(caught.value).splitlines()) <= 5


def test_a_list_of_lists_in_a_yaml_sweeps_over_lists_and_names_of_arms_may_be_numbers():
    plan = _plan(params={"model.channels": [[8], [8, 16]], "seed": [0, 1]}, arms={1: ["init=he"], 2: []})
    assert [job.overrides["model.channels"] for job in plan.measuring] == ["[8]", "[8,16]"] * 4
    assert {job.labels["arm"] for job in plan.measuring} == {"1", "2"} and len(plan.measuring) == 8


def test_a_sweep_may_be_as_large_as_that():
    assert len(_plan("seed=range(100)", "lr=range(1,101)").measuring) == 10_000
