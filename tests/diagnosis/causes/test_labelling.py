"""Causes in the labels."""

import pytest

from cnnlab.diagnosis.causes import causes
from cnnlab.diagnosis.causes.images_seen import repeated
from cnnlab.diagnosis.causes.labelling import absent, never_predicted, noisy, test_unlike, unbalanced, unrelated
from cnnlab.diagnosis.finding import SEEN

unlike = test_unlike
del test_unlike  # pytest takes it for a test


def _epoch(step, train, validation):
    return {"step": step, "train/epoch_accuracy": train, "train/epoch_loss": 1.0, "validation/accuracy": validation}


def test_good_labels_are_no_cause(row, evidence):
    run = evidence(row(0), _epoch(300, 0.97, 0.96), {"step": 300, "test/accuracy": 0.95})
    assert not any(suspect(run) for suspect in (absent, noisy, unbalanced, unlike))
    assert not unrelated(run).supporting


def test_memorized_labels_are_unrelated(row, evidence):
    found = unrelated(evidence(row(0), _epoch(300, 0.9, 0.12)))
    assert found.points > 9 and "memorized" in found.explains


def test_of_few_images_labels_cannot_be_told(row, evidence):
    run = evidence(row(0), _epoch(300, 1.0, 0.18), images=60, largest_class_share=0.1)
    assert unrelated(run).points < repeated(run).points


@pytest.mark.parametrize(("baseline", "points"), [(0.11, 7), (0.9, -12)])
def test_a_linear_classifier_is_a_witness(row, evidence, baseline, points):
    found = unrelated(evidence(row(0), _epoch(300, 0.12, 0.1), {"step": 300, "check/baseline": baseline}))
    assert found.points == points


def test_clean_test_labels_beside_wrong_training_labels(row, evidence):
    found = noisy(evidence(row(0), _epoch(300, 0.5, 0.48), {"step": 300, "test/accuracy": 0.9}))
    assert found.name == "labels_noisy" and "90 %" in found.supporting[0]


@pytest.mark.parametrize(
    ("train", "test", "told_apart", "cause"),
    [
        (0.5, 0.92, 0.5, "labels_noisy"),
        (0.11, 0.92, 0.5, "labels_unrelated"),
        (0.92, 0.5, 0.5, "test_unlike_training"),
        (0.5, 0.92, 0.97, None),  # the images differ, and with them what a classifier makes of them
        (0.85, 0.92, 0.5, None),
    ],
)
def test_labels_that_a_classifier_cannot_foretell_in_one_split(row, evidence, train, test, told_apart, cause):
    looks = {"check/train_labels": train, "check/test_labels": test, "check/told_apart": told_apart}
    run = evidence(row(0), _epoch(300, 0.3, 0.3), {"step": 300, "test/accuracy": 0.3} | looks)
    found = [each for suspect in (noisy, unrelated, unlike) if (each := suspect(run))]
    named = [each.name for each in found if any("foretells" in words for words in each.supporting)]
    assert named == ([cause] if cause else [])


def test_one_class_nearly_everything(row, evidence):
    assert unbalanced(evidence(row(0), largest_class_share=0.95)).name == "labels_unbalanced"
    assert unbalanced(evidence(row(0), largest_class_share=0.3)) is None
    assert unbalanced(evidence(row(0), largest_class_share=0.6, classes=10)) is not None
    assert unbalanced(evidence(row(0), largest_class_share=0.6, classes=2)) is None


def test_a_short_run_that_tells_the_rare_classes_needs_steps_first(row, evidence):
    """Of 80 % in one class, half of the way from 0.8 to 1 is 0.9."""
    names = {}
    for accuracy in (0.85, 0.95):
        run = evidence(row(0, accuracy=accuracy), row(59, accuracy=accuracy), largest_class_share=0.8, planned_steps=60)
        names[accuracy] = [cause.name for cause in causes(run)][:2]
    assert names == {
        0.85: ["labels_unbalanced", "too_few_steps"],
        0.95: ["too_few_steps", "labels_unbalanced"],
    }


def test_classes_without_images(row, evidence):
    assert "5 classes of 10" in absent(evidence(row(0), absent_classes=5)).supporting[0]


def test_test_labels_in_another_order(row, evidence):
    found = unlike(evidence(row(0), _epoch(300, 0.97, 0.96), {"step": 300, "test/accuracy": 0.08}))
    assert "another order" in found.clause
    turned = unlike(evidence(row(0), _epoch(300, 0.97, 0.96), {"step": 300, "test/accuracy": 0.5}))
    assert "in kind" in turned.clause


def test_test_images_that_a_linear_classifier_tells_from_training_images(row, evidence):
    def judged(test, told):
        scores = {"step": 300, "validation/accuracy": 0.9, "test/accuracy": test, "check/told_apart": told}
        return unlike(evidence(row(0), scores, classes=10))

    assert judged(0.6, 0.99).points > judged(0.6, 0.5).points and "kind" in judged(0.1, 0.99).clause
    assert judged(0.89, 0.5) is None


def test_images_in_several_classes_are_wrong_labels(row, evidence):
    found = noisy(evidence(row(0), several_labels=200, ceiling=2 / 3))
    assert found.seen >= SEEN and "200 different images are in several classes" in found.supporting[0]
    assert "66.7 % of training and validation images" in found.supporting[0]
    assert noisy(evidence(row(0), several_labels=3, ceiling=0.98)) is None


def test_labels_that_hold_for_few_validation_images_are_not_unrelated(row, evidence):
    """Two test classes are exchanged, and 18 validation images all known."""
    looks = {"step": 300, "test/accuracy": 1 / 3, "check/baseline": 1.0, "check/one_batch": 1.0}
    rows, sizes = (row(0), _epoch(300, 1.0, 1.0), looks), {"classes": 3, "validation_images": 18, "test_images": 90}
    run = evidence(*rows, **sizes, largest_class_share=1 / 3)
    assert unrelated(run).points < 0 and "labels_unrelated" not in [cause.name for cause in causes(run)]
    assert "mean something else" in unlike(run).clause and "18 validation images" in unlike(run).supporting[0]


def test_labels_that_hold_for_the_test_are_not_unrelated(row, evidence):
    looks = {"step": 300, "test/accuracy": 0.43, "check/one_batch": 1.0}
    rows, sizes = (row(0), _epoch(300, 1.0, 0.4), looks), {"classes": 4, "validation_images": 24}
    assert unrelated(evidence(*rows, **sizes, test_images=400, largest_class_share=0.25)).points < 0
    assert unrelated(evidence(*rows, **sizes, test_images=40, largest_class_share=0.25)).points > 0


def test_what_can_be_done_about_rare_classes_depends_on_whose_loop_it_is(row, evidence):
    own = unbalanced(evidence(row(0), largest_class_share=0.95)).remedy.override
    run = unbalanced(evidence(row(0), largest_class_share=0.95, settings={"optimizer.lr": 0.1})).remedy.override
    assert "weight the loss" in own and "weight the loss" not in run and "more images of the rare ones" in run


def test_a_class_that_is_never_predicted_is_rare_or_not(row, evidence):
    missed = {"step": 300, "test/accuracy": 0.95, "test/mistaken/1/0": 8.0}
    rare = never_predicted(evidence(row(0), missed, class_images={"a": 540, "b": 29}))
    assert "few" in rare.clause and rare.supporting == ["29 of 569 training images are of class b"]
    assert "few" not in never_predicted(evidence(row(0), missed, class_images={"a": 50, "b": 49})).clause
    assert never_predicted(evidence(row(0))) is None
    gone = evidence(row(0), missed, class_images={"a": 540, "b": 0}, absent_classes=1, classes=2)
    first = next(cause for cause in causes(gone) if "class_never_predicted" in cause.explains)
    assert first.name == "classes_absent"
