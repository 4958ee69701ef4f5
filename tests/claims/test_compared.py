"""Values of runs, and how they are written."""

import math
from pathlib import Path

import pytest

from cnnlab.claims.compared import Comparison, by_seed, value_of
from cnnlab.claims.run_record import RunRecord


def run(arm, seed, results):
    return RunRecord(f"{arm}{seed}", Path(arm), seed=str(seed), status={"status": "completed"}, results=results)


PATTERN = {"weight/std/01_conv1@end": 0.1, "weight/std/02_conv2@end": 0.3, "weight/std/03_fc@end": 9.0}


@pytest.mark.parametrize(("is_", "value"), [("higher", 0.1), ("lower", 0.3), ("equal", 0.3)])
def test_of_a_pattern_the_value_that_speaks_most_against_the_claim(is_, value):
    assert value_of(run("a", 0, PATTERN), "weight/std/*conv?@end", is_) == value
    assert value_of(run("a", 0, PATTERN), "weight/std/*conv?@end", "equal", target=0.35) == 0.1
    assert value_of(run("a", 0, PATTERN), "bias/*", is_) is None
    assert math.isnan(
        value_of(run("a", 0, {**PATTERN, "weight/std/04_conv4@end": math.nan}), "weight/std/*conv?@end", is_) or 0
    )


def test_runs_without_a_value_are_left_out():
    assert by_seed([run("a", 0, {"k/k": 1}), run("a", 1, {})], "k/k", "higher") == {"0": 1.0}


@pytest.mark.parametrize(
    ("key", "rule", "value", "words"),
    [
        ("test/accuracy", "means", 0.97914, "97.91 %"),
        ("test/accuracy", "trained", 0.5, "50 %"),
        ("test/accuracy", "slope", -0.97, "-0.97"),
        ("model/parameters", "exact", 2736, "2,736"),
        ("model/parameters", "exact", 5.0e17, "5e+17"),
        ("weight/std", "exact", 0.00312, "0.00312"),
        ("weight/std", "exact", math.inf, "inf"),
    ],
)
def test_values_in_the_units_of_their_key(key, rule, value, words):
    assert Comparison(key, "a", "b", rule=rule).figure(value) == words


def test_differences_of_shares_are_points():
    assert Comparison("test/accuracy", "a", "b").difference(0.0042) == "0.42 points"
    assert Comparison("test/loss", "a", "b").difference(0.0042) == "0.0042"
