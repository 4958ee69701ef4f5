"""Causes in the labels."""

import pytest

from cnnlab.diagnosis.causes.images_seen import repeated
from cnnlab.diagnosis.causes.labelling import absent, noisy, test_unlike, unbalanced, unrelated

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


def test_one_class_nearly_everything(row, evidence):
    assert unbalanced(evidence(row(0), largest_class_share=0.95)).name == "labels_unbalanced"
    assert unbalanced(evidence(row(0), largest_class_share=0.3)) is None
    assert unbalanced(evidence(row(0), largest_class_share=0.6, classes=10)) is not None
    assert unbalanced(evidence(row(0), largest_class_share=0.6, classes=2)) is None


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
