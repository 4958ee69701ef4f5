"""Accuracy on changed images, as printed."""

import pytest
from rich.console import Console

from cnnlab.views.invariance_table import invariance_table

RESULTS = {
    "test/accuracy": 0.98,
    "test/images": 359,
    "test/changed_images": 359,
    "test/accuracy@shift=4": 0.44,
    "test/consistency@shift=4": 0.45,
    "test/accuracy@rotation=22.5": 0.5,
    "test/consistency@rotation=22.5": 0.75,
    "test/accuracy@squash=0.9": 0.9,
    "test/consistency@squash=0.9": 1.0,
    "test/accuracy@permute": 0.1,
    "test/consistency@permute": 0.05,
}


@pytest.fixture
def printed(capsys):
    """printed(results): the lines in a terminal of 80 columns, without double blanks."""

    def printed(results: dict) -> list[str]:
        Console(width=80).print(invariance_table(results))
        return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]

    return printed


def test_a_row_for_each_change_and_how_many_images_they_are_of(printed) -> None:
    head, _, *rows = printed(RESULTS)
    assert head == "359 test images accuracy same answer as unchanged"
    assert rows == [
        "unchanged 98.00 %",
        "shifted by 4 px 44.00 % 45.00 %",
        "rotated by 22.5° 50.00 % 75.00 %",
        "height or width squashed to 90 % 90.00 % 100.00 %",
        "pixels in random order 10.00 % 5.00 %",
    ]


def test_the_accuracy_of_all_images_is_not_that_of_a_part(printed) -> None:
    head, _, first, *_ = printed(RESULTS | {"test/changed_images": 1})
    assert head.startswith("1 test image accuracy") and first.startswith("shifted")


def test_an_evaluation_of_one_s_own_is_shown_as_far_as_it_is_known(printed) -> None:
    own = {"test/accuracy": 0.9, "test/images": 10, "test/accuracy@brightness=2": 0.25}
    assert printed(own)[0].startswith("test images accuracy") and printed(own)[2:] == ["brightness=2 25.00 %"]


def test_without_changed_images_there_is_none() -> None:
    assert invariance_table({"test/accuracy": 0.9, "test/images": 10}) is None
