"""Causes in the images: standardized, varied and finite ones raise no suspicion."""

from dataclasses import replace
from math import inf, nan

import pytest

from cnnlab.diagnosis import Context, diagnose
from cnnlab.diagnosis.causes.images_seen import (
    constant,
    copied,
    not_finite,
    not_standardized,
    one_channel_constant,
    over_augmented,
    repeated,
)
from cnnlab.diagnosis.finding import SEEN

USUAL = {
    "images/mean": 0.02,
    "images/std": 0.98,
    "images/largest": 3.1,
    "images/variety": 0.86,
    "images/constant_channels": 0.0,
}


@pytest.fixture
def seen(row, evidence):
    """A run whose first batch had the usual images but for what is given."""
    return lambda context=None, **values: evidence(
        row(0) | USUAL | {f"images/{key}": value for key, value in values.items()}, **(context or {})
    )


def test_usual_images_are_no_cause(seen):
    run = seen()
    assert not any(suspect(run) for suspect in (not_finite, not_standardized, constant, one_channel_constant, repeated))


def test_images_that_were_not_measured_are_no_cause(row, evidence):
    run = evidence(row(0))
    assert not any(suspect(run) for suspect in (not_finite, not_standardized, constant, one_channel_constant))


@pytest.mark.parametrize("largest", [nan, inf])
def test_not_finite(seen, largest):
    found = not_finite(seen(largest=largest, mean=nan, std=nan))
    assert found is not None and found.name == "images_not_finite" and "non_finite" in found.explains
    assert not_standardized(seen(largest=largest, mean=nan, std=nan)) is None


@pytest.mark.parametrize(
    ("mean", "std", "wrong"),
    [
        (33.0, 78.0, True),  # 0 to 255
        (0.0, 100.0, True),
        (10.0, 1.0, True),
        (0.0, 0.01, True),
        (0.47, 0.25, False),  # 0 to 1
        (0.95, 0.15, False),  # black on white, 0 to 1
    ],
)
def test_standardized(seen, mean, std, wrong):
    found = not_standardized(seen(mean=mean, std=std))
    assert (found is not None) == wrong
    if found is not None:
        assert found.points > 9 and "standardize" in found.remedy.override


def test_constant_images(seen):
    assert "same" in constant(seen(std=0.0, variety=nan)).supporting[0]
    assert "5 %" in constant(seen(variety=0.05)).supporting[0]


def test_one_constant_channel(seen):
    assert one_channel_constant(seen(constant_channels=1 / 3)).name == "channels_constant"
    assert one_channel_constant(seen(constant_channels=1.0)) is None  # all of them: the images are constant


def test_few_images_many_times(seen):
    assert repeated(seen({"distinct_images": 0.012})).name == "images_repeated"
    assert repeated(seen({"distinct_images": 0.99})) is None


def test_augmentation_is_judged_by_what_a_linear_classifier_still_learns(row, evidence):
    def judged(augmented, clean, on=True):
        return over_augmented(
            evidence(row(0), {"step": 300, "check/baseline": augmented, "check/baseline_clean": clean}, augmented=on)
        )

    assert judged(0.15, 0.95).points > 9 and judged(0.15, 0.95).remedy.override == "augmentation=none"
    assert judged(0.93, 0.95).points < 0
    assert judged(0.15, 0.95, on=False) is None


def test_the_change_that_exceeds_what_is_usual_most_is_left_out(row, evidence):
    def override(**settings):
        looks = {"step": 300, "check/baseline": 0.1, "check/baseline_clean": 0.9}
        given = {f"augmentation.{key}": value for key, value in settings.items()}
        return over_augmented(evidence(row(0), looks, augmented=True, settings=given)).remedy.override

    assert override(flip=True, translate=15, rotate=20, cutout=0) == "augmentation.translate=0"
    assert override(translate=2, rotate=180) == "augmentation.rotate=0"
    assert override(translate=4, rotate=10, cutout=8) == "augmentation=none"


@pytest.mark.parametrize(("images", "points"), [(49, 13), (60, 7), (200, None)])
def test_too_few_images_to_learn_from(evidence, row, images, points):
    found = repeated(evidence(row(0), images=images))
    assert (found and found.points) == points


@pytest.mark.parametrize(("baseline", "points"), [(0.1, 10), (0.9, 6)])
def test_a_channel_that_is_empty_where_what_is_left_tells_nothing(row, evidence, baseline, points):
    looks = {"step": 200, "check/baseline": baseline}
    found = one_channel_constant(evidence(row(0) | USUAL | {"images/constant_channels": 0.5}, looks))
    assert found is not None and found.points == points
    assert one_channel_constant(evidence(row(0) | USUAL | {"images/constant_channels": 1.0}, looks)) is None


def test_splits_of_copies_are_told_whatever_was_learned(row, evidence):
    sizes = {"validation_images": 48, "test_images": 300}
    found = copied(evidence(row(0), copied={"validation": 48, "test": 30}, **sizes))
    assert found.misleads and found.seen >= SEEN and "48 of 48 validation images are training" in found.supporting[0]
    both = copied(evidence(row(0), copied={"validation": 24, "test": 270}, **sizes))
    assert both.supporting[0].startswith("24 of 48 validation and 270 of 300 test images are training images")
    assert copied(evidence(row(0), copied={"validation": 23, "test": 149}, **sizes)) is None
    assert copied(evidence(row(0), **sizes)) is None


def test_a_test_of_training_images_is_not_called_healthy(row):
    rows = [row(step, accuracy=1.0) for step in (0, 100, 200)]
    rows += [{"step": 200, "validation/accuracy": 1.0, "test/accuracy": 1.0}]
    known = Context(classes=3, largest_class_share=1 / 3, validation_images=30, test_images=300)
    assert diagnose(rows, known) == []
    [found] = diagnose(rows, replace(known, copied={"test": 270}))
    assert (found.name, found.severity) == ("splits_overlap", "problem") and "270 of 300 test" in found.sentence
