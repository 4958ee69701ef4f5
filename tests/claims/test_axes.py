"""What runs differ in, and how groups are named."""

from pathlib import Path

import pytest
import yaml

from cnnlab.claims.axes import as_number, differing, in_order, is_function, short_name, short_names
from cnnlab.claims.run_record import RunRecord


def _run(config: dict, choices: dict | None = None, typed: dict | None = None) -> RunRecord:
    status = {"status": "completed", "choices": choices, "overrides": typed}
    overrides = None if typed is None else tuple(f"{key}={value}" for key, value in typed.items())
    return RunRecord("r", Path("r"), status=status, overrides=overrides, planned=yaml.safe_dump(config))


def test_what_follows_from_a_choice_is_left_out():
    a = _run({"seed": 0, "model": {"kernel_size": 3, "width": 8}}, {"model": "a"}, {"model": "a"})
    b = _run({"seed": 1, "model": {"kernel_size": 5, "width": 8}}, {"model": "b"}, {"model": "b"})
    assert differing([a, b]) == {"model": ["a", "b"]}


def test_what_was_typed_is_kept_even_where_it_goes_with_a_choice():
    a = _run({"optimizer": {"lr": 0.1}}, {"model": "a"}, {"model": "a", "optimizer.lr": "0.1"})
    b = _run({"optimizer": {"lr": 0.01}}, {"model": "b"}, {"model": "b", "optimizer.lr": "0.01"})
    assert differing([a, b]) == {"model": ["a", "b"], "optimizer.lr": ["0.1", "0.01"]}


def test_without_choices_the_function_s_name_is_the_choice_and_other_settings_are_kept():
    a = _run({"init": {"_target_": "torch.nn.init.zeros_"}, "trainer": {"epochs": 1}, "telemetry": {"every": 5}})
    b = _run({"init": {"_target_": "fills.laplace_", "scale": 2}, "trainer": {"epochs": 2}, "telemetry": {"every": 9}})
    assert differing([a, b]) == {"init": ["zeros_", "laplace_"], "trainer.epochs": ["1", "2"]}


def test_a_function_has_one_value_for_equal_arguments():
    assert is_function(["x", "x", "y"], [["1", "1", "2"]]) and not is_function(["x", "y"], [["1", "1"]])
    assert is_function(["x", "x"], []) and not is_function(["x", "y"], [])


@pytest.mark.parametrize(
    ("axis", "value", "name"),
    [
        ("model", "vgg", "vgg"),
        ("optimizer.lr", "0.1", "lr=0.1"),
        ("a.clip", "null", "clip=null"),
        ("x", "[8]", "x=[8]"),
    ],
)
def test_words_name_themselves(axis, value, name):
    assert short_name(axis, value) == name


def test_names_that_collide_are_written_in_full():
    assert short_names([{"a.norm": "none"}, {"a.norm": "batch"}]) == ["norm=none", "norm=batch"]
    assert short_names([{"a.k": "1"}, {"a.k": "2"}]) == ["k=1", "k=2"]
    assert short_names([{"a.k": "x", "b": "y"}, {"a.k": "y", "b": "x"}]) == ["x, y", "y, x"]
    same = [{"a": "x, y", "b": "z"}, {"a": "x", "b": "y, z"}]
    assert short_names(same) == ["a=x, y, b=z", "a=x, b=y, z"]
    assert short_names([{}]) == ["all runs"]


def test_numbers_are_sorted_and_words_stay():
    assert in_order(["10", "9", "1e-3", "9"]) == ["1e-3", "9", "10"] and in_order(["b", "a", "b"]) == ["b", "a"]
    assert as_number("1e-3") == 0.001 and as_number("he") is None
