"""What accuracies show: of which images, beside guessing, and by chance."""

from math import isnan, nan

import pytest

from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.learning import learned

FIRST, SECOND = "01_block1.conv1", "02_head.logits"


@pytest.mark.parametrize(("copies", "mostly"), [(49, False), (50, True)])
def test_half_of_a_split_is_most_of_it(evidence, copies, mostly):
    run = evidence(copied={"test": copies}, test_images=100, validation_images=100)
    assert run.mostly_copied("test") is mostly and not run.mostly_copied("validation")
    assert not evidence(copied={"test": copies}).mostly_copied("test")


@pytest.mark.parametrize("accuracy, share, learned", [(0.34, 0.1, True), (0.32, 0.1, False), (0.9, 0.88, False)])
def test_learned_is_a_quarter_of_the_way_from_guessing_to_perfect(evidence, accuracy, share, learned):
    run = evidence({"step": 9, "train/epoch_accuracy": accuracy}, largest_class_share=share)
    assert run.learned is learned


def test_without_anything_to_compare_with_nothing_counts_as_learned(evidence):
    row = {"step": 9, "train/epoch_accuracy": 1.0}
    assert not evidence(row, classes=None, largest_class_share=None).learned
    assert isinstance(evidence(), Evidence) and not evidence().learned and evidence().steps == 0


def test_what_was_reached_is_the_better_of_training_and_validation(evidence):
    assert evidence({"step": 9, "train/epoch_accuracy": 0.6, "validation/accuracy": 0.8}).reached == 0.8
    assert evidence({"step": 9, "train/epoch_accuracy": 0.6}).reached == 0.6
    assert evidence({"step": 9}).reached != evidence({"step": 9}).reached


@pytest.mark.parametrize(
    ("share", "accuracy", "near"),
    [(0.1, 0.19, True), (0.1, 0.21, False), (0.9, 0.94, True), (0.9, 0.96, False), (None, 0.1, False)],
)
def test_near_guessing_is_ten_points_or_half_of_what_is_left(evidence, share, accuracy, near):
    row = {"step": 300, "train/epoch_accuracy": accuracy}
    assert evidence(row, largest_class_share=share, classes=None).near_guessing is near


@pytest.mark.parametrize(
    ("accuracy", "baseline", "poor"), [(0.5, 0.95, True), (0.9, 0.95, False), (0.5, nan, False), (0.15, nan, True)]
)
def test_poor_is_near_guessing_or_below_the_baseline(evidence, accuracy, baseline, poor):
    rows = {"step": 300, "train/epoch_loss": 1.0, "train/epoch_accuracy": accuracy}, {"check/baseline": baseline}
    assert evidence(*rows).poor is poor
    assert not evidence({**rows[0], "step": 50}, rows[1]).poor, "too early to say"


def test_a_run_that_diverged_is_poor_however_early(evidence):
    assert evidence({"step": 3, "train/loss": nan}).poor


@pytest.mark.parametrize(("train", "test", "overcome"), [(0.97, 0.95, True), (0.97, 0.5, False), (0.6, 0.97, False)])
def test_harm_is_overcome_if_training_and_test_are_good(evidence, train, test, overcome):
    run = evidence({"step": 300, "train/epoch_accuracy": train}, {"step": 300, "test/accuracy": test})
    assert run.overcome is overcome


def test_validation_scatters_with_the_root_of_its_images(evidence):
    row = {"step": 9, "validation/accuracy": 0.8}
    run = evidence(row | {"test/accuracy": 0.5}, validation_images=100, test_images=400)
    assert run.scatter("validation") == pytest.approx((0.8 * 0.2 / 100) ** 0.5)
    assert run.scatter("validation", "test") == pytest.approx((0.8 * 0.2 / 100 + 0.5 * 0.5 / 400) ** 0.5)
    assert evidence(row).scatter("validation", "test") == 0


def test_accuracies_of_images_of_one_class_are_not_looked_at(evidence):
    row = {"step": 100, "train/accuracy": 0.5, "validation/accuracy": 0.9, "test/accuracy": 1.0}
    sizes = {"validation_images": 300, "test_images": 300}
    one = evidence(row, {"check/baseline": 1.0}, one_class=("test",), **sizes)
    assert one.final == one.reached == 0.9 and isnan(one.latest("test/accuracy")) and not one.unjudged
    both = evidence(row, {"check/baseline": 1.0}, one_class=("validation", "test"), **sizes)
    assert both.reached == 0.5 and isnan(both.latest("check/baseline"))
    assert both.unjudged == "all validation and test images are of one class"


def test_accuracies_of_few_images_are_not_looked_at(evidence):
    row = {"step": 300, "train/epoch_accuracy": 0.5, "validation/accuracy": 1.0, "test/accuracy": 0.0}
    few = evidence(row, {"check/baseline": 1.0}, validation_images=3, test_images=24)
    assert few.reached == few.final == 0.5 and few.latest("check/baseline") != few.latest("check/baseline")
    enough = evidence(row, {"check/baseline": 1.0}, validation_images=25, test_images=25)
    assert (enough.reached, enough.final, enough.latest("check/baseline")) == (1.0, 0.0, 1.0)
    assert few.reached_on == few.on(few.final_split) == "on training images"
    assert (enough.reached_on, enough.on(enough.final_split)) == ("on 25 validation images", "on 25 test images")


@pytest.mark.parametrize(("test", "images", "guesses"), [(0.17, 30, False), (0.17, 3000, True), (0.02, 30, True)])
def test_a_poor_test_counts_as_far_as_its_images_reach(evidence, test, images, guesses):
    run = evidence({"step": 300, "train/epoch_accuracy": 0.3, "test/accuracy": test}, test_images=images)
    assert run.near_guessing and run.guesses is guesses


def test_accuracies_of_copies_are_not_looked_at(evidence):
    row = {"step": 100, "train/accuracy": 0.9, "validation/accuracy": 1.0, "test/accuracy": 0.5}
    sizes = {"validation_images": 48, "test_images": 400}
    copied = evidence(row, {"check/baseline": 1.0}, copied={"validation": 24, "test": 100}, **sizes)
    assert copied.reached == 0.9 and copied.final == 0.5 and isnan(copied.latest("check/baseline"))
    assert evidence(row, copied={"validation": 23}, **sizes).reached == 1.0
    both = evidence(row, copied={"validation": 48, "test": 400}, **sizes)
    assert both.unjudged == "most validation and test images are training images" and not both.overcome


@pytest.mark.parametrize(
    ("validation", "few", "test", "images", "known"),
    [(1.0, 18, 1 / 3, 90, True), (1.0, 18, 2 / 3, 90, True), (1.0, 5, 0.6, 100, False), (0.4, 20, 0.4, 20, False)],
)
def test_few_images_are_compared_as_far_as_they_reach(evidence, validation, few, test, images, known):
    row = {"step": 300, "validation/accuracy": validation, "test/accuracy": test}
    run = evidence(row, validation_images=few, test_images=images)
    assert run.compared("validation") == validation and isnan(run.latest("validation/accuracy"))
    assert run.gap == pytest.approx(validation - test) if known else isnan(run.gap)
    assert run.gap_by_chance == 0
    many = evidence(row, validation_images=180, test_images=images * 10)
    assert many.gap == pytest.approx(validation - test) and many.gap_by_chance == 3 * many.scatter("validation", "test")
    assert isnan(evidence(row, validation_images=few).gap), "of how many test images, is unknown"


def test_few_images_can_be_too_well_known_for_a_guess(evidence):
    row = {"step": 300, "check/baseline": 1.0, "validation/accuracy": 0.5}
    run = evidence(row, validation_images=18, largest_class_share=1 / 3)
    assert run.few_foretold("check/baseline") and not run.few_foretold("validation/accuracy")
    assert not evidence(row, validation_images=180).few_foretold("check/baseline"), "not few: judged elsewhere"


def test_what_classes_are_called_that_are_never_answered(evidence):
    row = {"step": 300, "test/mistaken/3/2": 8.0, "test/mistaken/0/2": 1.0, "test/mistaken/0/1": 4.0}
    assert evidence(row, class_images=dict.fromkeys("abcd", 9)).mistaken == {"a": {"b": 4, "c": 1}, "d": {"c": 8}}
    assert evidence(row).mistaken == {}


def test_few_images_are_not_below_guessing_by_chance(row, evidence):
    def of(batches, size, accuracy=0.0, **context):
        rows = [row(step, accuracy=accuracy) for step in range(batches)]
        return evidence(*rows, largest_class_share=0.1, batch_size=size, **context).below_guessing

    assert not of(8, 1) and 0.9**8 > 0.4, "no image of eight right, as guessing has in 43 of 100 cases"
    assert not of(5, 16), "of 80: three deviations are 10 points"
    assert of(5, 20) and of(200, 1) and of(5, 64, 0.04)
    assert not of(5, 64, 0.06) and not of(5, 20, 0.02)
    assert of(3, None, 0.04), "in a loop of one's own whose batches are not known"
    epoch = [row(0), {"step": 9, "train/epoch_accuracy": 0.0}]
    for images, below in ((10, False), (1000, True)):
        assert evidence(*epoch, largest_class_share=0.1, batch_size=1, images=images).below_guessing is below


def test_guessing_is_that_of_the_images_on_which_it_is_judged(evidence):
    """Trained on 95 images of one class to 5 of the other, and tested on as many of each."""
    row = {"step": 300, "train/epoch_accuracy": 0.97, "validation/accuracy": 0.96, "test/accuracy": 0.8}
    unequal = {"classes": 2, "largest_class_share": 0.95, "test_images": 360, "validation_images": 60}
    run = evidence(row, **unequal, largest_test_share=0.5)
    assert run.final_split == "test" and run.skill(0.8, "test") == pytest.approx(0.6)
    assert not run.near_guessing and run.guessing("validation") == 0.95
    [found] = learned(evidence(row | {"test/accuracy": 0.55, "train/loss": 0.1}, **unequal, largest_test_share=0.5))
    assert found.name == "little_learned" and "where guessing gives 50 %" in found.sentence
    assert evidence(row, **unequal).near_guessing, "where it is not known, guessing is that of training"
