"""What each rule lets pass and refuses at its edges, and what it says."""

import math
import subprocess
import sys

import pytest

from cnnlab.common.checks import (
    BOOL,
    check_rules,
    check_value,
    either,
    list_of,
    number,
    one_of,
    optional,
    per_block,
    whole,
)
from cnnlab.common.errors import InputError


@pytest.mark.parametrize(
    "rule, holds, refused",
    [
        (whole(1), [1, 2**31 - 1], [0, 2**31, 1.0, True, "1", None]),
        (whole(0, 9), [0, 9], [-1, 10]),
        (number(0, 1), [0, 0.5, 1, 1.0], [-1e-9, 1 + 1e-9, True, "0.5", math.nan, math.inf]),
        (number(0, 1, above=True), [1e-9, 1], [0, 0.0, -1]),
        (number(0, 1, below=True), [0, 1 - 1e-9], [1, 1.0]),
        (number(), [-1e30, 1e30], [1e31, -math.inf]),
        (BOOL, [True, False], [0, 1, "true", None]),
        (one_of("auto", "cpu"), ["auto", "cpu"], ["gpu", None, ["cpu"], {}]),
        (optional(whole(1)), [None, 1], [0, "null"]),
        (list_of(whole(1)), [[], [1, 2], (3,)], [[1, 0], 1, "12", None]),
        (per_block(whole(1)), [3, [3], [3, 5]], [[], [3, 0], 0, None, (3, 5)]),
        (either(one_of("auto"), BOOL), ["auto", True], ["true", 1]),
    ],
)
def test_a_rule_decides_at_its_edges(rule, holds, refused):
    assert [value for value in holds if not rule.holds(value)] == []
    assert [value for value in refused if rule.holds(value)] == []


@pytest.mark.parametrize(
    "rule, words",
    [
        (whole(1), "an integer >= 1 and < 2^31"),
        (whole(0, 9), "an integer >= 0 and <= 9"),
        (number(0, 0.9, above=True), "a number > 0 and <= 0.9"),
        (number(0, 1, below=True), "a number >= 0 and < 1"),
        (optional(one_of("fp32", "bf16")), "fp32 | bf16, or null"),
        (either(one_of("auto"), BOOL), "auto, or true | false"),
        (list_of(whole(1, 3)), "a list, each an integer >= 1 and <= 3"),
        (one_of("auto", True), "auto | true"),
    ],
)
def test_a_rule_says_what_is_allowed_in_words(rule, words):
    with pytest.raises(InputError) as error:
        check_value("a.b", object, rule)
    assert str(error.value).splitlines()[1] == f"Allowed: {words}."


@pytest.mark.parametrize("value, shown", [([0, "x"], "[0,x]"), (False, "false"), (-1, "-1")])
def test_a_value_is_told_as_one_types_it(value, shown):
    with pytest.raises(InputError) as error:
        check_value("trainer.epochs", value, whole(0))
    assert str(error.value).splitlines()[0] == f"trainer.epochs={shown} is not allowed."


def test_what_was_not_given_is_said_to_be_needed():
    with pytest.raises(InputError, match=r"^run=null is not allowed; it has to be given\.\nAllowed: "):
        check_value("run", None, whole(0))


def test_an_interpolation_passes_until_it_is_a_value():
    check_value("seed", "${oc.env:SEED}", whole(0))
    with pytest.raises(InputError, match=r"seed=\$SEED"):
        check_value("seed", "$SEED", whole(0))


@pytest.mark.parametrize(
    ("value", "rule", "meant"),
    [
        ("01", whole(0), "1"),
        ("-064", whole(0), "-64"),
        ("00.5", number(), "0.5"),
        (["08", 16], list_of(whole(1)), "[8,16]"),
        ("000", whole(0), "0"),
    ],
)
def test_a_leading_zero_is_told_and_what_to_type(value, rule, meant):
    with pytest.raises(InputError, match="a number has no leading zero") as error:
        check_value("seed", value, rule)
    assert str(error.value).endswith(f"\nType seed={meant}") and "quotes" not in str(error.value)


def test_the_first_rule_that_is_not_kept_is_told_and_other_values_are_left_alone():
    rules = {"a": whole(1), "b": BOOL, "c": whole(1)}
    check_rules({"c": 3, "b": True, "a": 1, "d": object()}, rules)
    with pytest.raises(InputError, match="^b=0 is not allowed"):
        check_rules({"c": 0, "b": 0, "a": 1}, rules)


def test_rules_are_known_without_torch_and_hydra():
    code = "import sys, cnnlab.common.checks; print({'torch', 'hydra', 'omegaconf', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "text, number_like", [("0.1", True), ("1e-3", True), ("3", True), ("fast", False), ("", False)]
)
def test_a_text_that_looks_like_a_number_is_told_to_be_a_text(text, number_like):
    with pytest.raises(InputError) as error:
        check_value("optimizer.lr", text, number())
    assert ("it is a text and no number" in str(error.value)) == number_like


@pytest.mark.parametrize(
    ("text", "rule", "told"),
    [
        ("3", whole(0), "it is a text and no number"),
        ("true", BOOL, "it is a text and not the value true"),
        ("[8,16]", list_of(whole(1)), "it is a text and no list"),
        ("null", optional(whole(0)), "it is a text and not the value null"),
    ],
)
def test_a_value_from_the_environment_is_told_with_what_to_type(text, rule, told):
    with pytest.raises(InputError) as error:
        check_value("seed", text, rule)
    assert told in str(error.value)
    assert (
        "seed=$NAME, in a YAML ${oc.decode:${oc.env:NAME}}." in str(error.value) and str(error.value).count("\n") == 2
    )
    with pytest.raises(InputError) as error:
        check_value("seed", "some", rule)
    assert "oc.decode" not in str(error.value)
