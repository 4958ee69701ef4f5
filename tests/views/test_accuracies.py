"""How sure an accuracy is, against published intervals and the condition that defines them."""

import math

import pytest

from cnnlab.views.accuracies import between, interval, of_images


# Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3.
@pytest.mark.parametrize(
    ("right", "images", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons(right: int, images: int, low: float, high: float) -> None:
    assert interval(right / images, images) == pytest.approx((low, high), abs=5e-5)


def test_its_ends_are_the_shares_that_the_number_seen_just_refutes() -> None:
    ends = interval(0.9, 200)
    assert ends is not None
    for p in ends:
        assert abs(0.9 - p) / math.sqrt(p * (1 - p) / 200) == pytest.approx(1.959964, rel=1e-5)


def test_it_says_of_how_many_images() -> None:
    assert of_images(353 / 359, 359, "test images") == " of 359 test images, 95 % interval 96.40 to 99.23"
    assert of_images(1.0, 10_000).startswith(" of 10,000 images, 95 % interval 99.96 to 100.00")
    assert between((0.1, 0.98765)) == "10.00 to 98.77"


def test_what_has_no_interval_gets_none() -> None:
    assert interval(math.nan, 100) is None and interval(0.0, 0) is None
    assert of_images(math.nan, 100) == of_images(0.0, 0) == ""
