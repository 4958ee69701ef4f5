import math
import os
from pathlib import Path

import pytest

from cnnlab.common.errors import InputError
from cnnlab.common.words import (
    accuracy_percent,
    as_sentence,
    count,
    dashboard_command,
    expanded,
    kib,
    memory,
    number,
    one_two_five,
    percent,
    plural,
    probability,
    readable,
    rough,
    same_or_both,
    shortened,
    shown,
    to_within,
    two_digits,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (784, "784"),
        (9_999, "9,999"),
        (10_000, "10.0k"),
        (112_896, "113k"),
        (99_999.9, "100k"),
        (999_600, "1.00M"),
        (1_806_336, "1.81M"),
        (182_101_324, "182M"),
        (1.32e9, "1.32G"),
        (4e12, "4,000G"),
    ],
)
def test_rough_numbers_keep_three_digits(value: float, written: str) -> None:
    assert rough(value) == written


def test_counts_are_exact_below_a_million() -> None:
    assert [count(v) for v in (2736, 999_999, 1_180_000)] == ["2,736", "999,999", "1.18M"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        *((0, "0"), (2.13e-4, "2.1e-4"), (1e-120, "1.0e-120"), (0.00999, "1.0e-2"), (0.0104, "0.010")),
        *((0.0996, "0.10"), (0.5, "0.50"), (0.996, "1.0"), (1.31, "1.3"), (9.96, "10"), (13.4, "13")),
        *((99.6, "100"), (843.0, "840"), (9_940, "9900"), (12_300, "1.2e4"), (float("inf"), "inf")),
    ],
)
def test_two_digits_of_any_size(value: float, written: str) -> None:
    assert two_digits(value) == written


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (2.30131, 0.0081, "2.3013"),
        (0.0081, 0.0081, "0.0081"),
        (26_843.3, 290.0, "26,843"),
        (1_234_567.8, 0.25, "1,234,568"),  # seven digits, as float32 has
        (2.302585, 1e-17, "2.302585"),
        (0.00002, 0.5, "2.0e-05"),
        (3.1416e-9, 2e-12, "3.1416e-09"),
        (0.0, 0.1, "0"),
        (math.nan, 0.1, "nan"),
        (2.7e16, 1e15, "2.7e+16"),
    ],
)
def test_a_number_has_the_digits_that_a_difference_takes(value, step, text) -> None:
    assert to_within(value, step) == text


def test_bytes() -> None:
    assert [kib(v) for v in (16, 12_345, 200_000)] == ["0.02", "12.1", "195"]
    assert [memory(v) for v in (12_345, 3 * 2**20)] == ["12.1 KiB", "3.0 MiB"]


def test_plural() -> None:
    assert [plural(n, "channel") for n in (0, 1, 2)] == ["0 channels", "1 channel", "2 channels"]


def test_pairs() -> None:
    assert same_or_both((0.5, 0.5)) == "0.5"
    assert same_or_both((3, 5)) == "3,5"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.00312, "0.0031"), (1.0, "1.0"), (240.4, "240"), (5.2e-11, "5.2e-11"), (6.6e5, "6.6e+05")],
)
def test_numbers_have_two_digits(value, text):
    assert number(value) == text


def test_rounding_to_one_two_five_takes_the_nearest_on_a_logarithmic_scale():
    allowed = [digit * 10.0**power for power in range(-9, 4) for digit in (1, 2, 5)]
    for value in [10 ** (k / 7) for k in range(-56, 20)]:
        assert one_two_five(value) == pytest.approx(min(allowed, key=lambda a: abs(math.log(a / value))))
    assert one_two_five(0.02) == pytest.approx(0.02) and one_two_five(8e-4) == pytest.approx(1e-3)


def test_special_numbers():
    assert number(float("nan")) == "nan" and number(-float("inf")) == "-inf" and percent(0.1024) == "10.2 %"


def test_values_are_shown_as_typed():
    assert [shown(v) for v in (None, True, [1, "max"], 0.1, "x")] == ["null", "true", "[1,max]", "0.1", "x"]


@pytest.mark.parametrize(
    ("clause", "sentence"),
    [
        ("the loss rises", "The loss rises"),
        ("all values, of all images", "All values, of all images"),
        ("trainer.clip is 0.0001", "trainer.clip is 0.0001"),
        ("04_f2 gets nothing", "04_f2 gets nothing"),
        ("conv_1, the first", "conv_1, the first"),
        ("99.2 % are right", "99.2 % are right"),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_letter_but_for_names(clause, sentence):
    assert as_sentence(clause) == sentence


def test_accuracies_have_two_decimals_however_large():
    assert [accuracy_percent(share) for share in (0.0972222, 1.0, 0.5)] == ["9.72 %", "100.00 %", "50.00 %"]


def test_a_probability_is_never_rounded_to_certain():
    told = [probability(value) for value in (0.0, 0.0049, 0.0051, 0.5, 0.9949, 0.9951, 1.0)]
    assert told == ["<0.01", "<0.01", "0.01", "0.50", "0.99", ">0.99", ">0.99"]
    assert probability(0.99997, 4) == ">0.9999" and probability(0.99994, 4) == "0.9999"


def test_paths_are_short_inside_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shortened(tmp_path / "a") == "a" and shortened(tmp_path.parent) == str(tmp_path.parent)
    assert shortened(tmp_path) == str(tmp_path), "from elsewhere, `.` would be another folder"


def test_the_command_of_the_dashboards_can_be_copied(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert dashboard_command(tmp_path / "a b", tmp_path / "c") == "python -m cnnlab.dashboard 'a b' c"


def test_a_home_folder_that_nobody_has_is_told(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert expanded("image", "~/a.png") == Path("/home/me/a.png") and expanded("image", "a~") == Path("a~")
    with pytest.raises(InputError, match=r"^dataset.root=~no-such-user/x: the home folder is not known"):
        expanded("dataset.root", "~no-such-user/x")


def test_a_path_whose_bytes_are_no_text_can_be_encoded():
    assert readable(os.fsdecode(b"pics/caf\xe9.png")) == r"pics/caf\xe9.png"
    assert readable(Path("pics/café.png")) == "pics/café.png"
