"""The accuracy of guessing, against guessing."""

import pytest

from cnnlab.diagnosis.context import Context


@pytest.mark.parametrize("labels", [[0, 1, 2, 2, 2], [0, 0, 0, 1], [3, 3]])
def test_guessing_is_always_saying_the_commonest_class(labels):
    share = max(labels.count(label) for label in labels) / len(labels)
    accuracies = [sum(label == guess for label in labels) / len(labels) for guess in set(labels)]
    assert Context(classes=4, largest_class_share=share).guessing == max(accuracies)


@pytest.mark.parametrize("classes, accuracy", [(10, 0.1), (2, 0.5), (4, 0.25)])
def test_where_shares_are_unknown_the_classes_count_as_equally_frequent(classes, accuracy):
    assert Context(classes=classes).guessing == accuracy


def test_a_known_share_needs_no_number_of_classes():
    assert Context(largest_class_share=0.7).guessing == 0.7


def test_nothing_known_is_nothing_guessed():
    nothing = Context()
    assert nothing.guessing is None and not any(vars(nothing).values())


def test_images_are_counted_by_split():
    context = Context(images=100, validation_images=20, test_images=30)
    assert [context.images_of(split) for split in ("training", "validation", "test")] == [100, 20, 30]


def test_outputs_are_the_last_layers_units():
    assert Context(units={"01_conv": 8, "02_logits": 3}).outputs == 3 and Context().outputs is None
