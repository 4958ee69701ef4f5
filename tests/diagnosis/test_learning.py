"""Updates, loss at chance, overfitting."""

import math

import pytest

from cnnlab.diagnosis.learning import chance, decay, overfitting, unlike, updates


def _epoch(step: int, train: float, accuracy: float, loss: float) -> dict[str, float]:
    return {"step": step, "train/epoch_accuracy": train, "validation/accuracy": accuracy, "validation/loss": loss}


def test_healthy_training_says_nothing(row, evidence):
    run = evidence(row(0), row(200), _epoch(200, 0.9, 0.88, 0.4), row(300), _epoch(400, 0.95, 0.9, 0.35))
    assert updates(run) == chance(run) == overfitting(run) == []


def test_large_updates(row, evidence):
    [found] = updates(evidence(row(0, weight_update_ratio=(0.2, 0.9, 0.8, 1.0)), learning_rate=0.1))
    assert found.numbers["ratio"] == pytest.approx(0.85) and found.remedy.override == "optimizer.lr=0.001"


def test_one_layer_alone_is_no_finding(row, evidence):
    assert updates(evidence(row(0, weight_update_ratio=(2e-3, 2e-3, 2e-3, 0.5)))) == []


def test_a_warm_up_does_not_hide_large_updates(row, evidence):
    """At a 25th of the learning rate 5 % is what 125 % is at the whole of it."""
    warming = row(0, weight_update_ratio=(0.05,) * 4) | {"optimizer/lr": 0.004}
    [found] = updates(evidence(warming, learning_rate=0.1))
    assert found.numbers["full"] == pytest.approx(1.25) and "full learning rate" in found.sentence
    assert updates(evidence(row(0, weight_update_ratio=(0.05,) * 4), learning_rate=0.1)) == []


def test_a_single_large_update_in_a_warm_up_is_a_coincidence(row, evidence):
    """Four and more updates are judged by their median, with a tighter limit than one alone."""
    rising = [(0.004, 0.012), (0.008, 0.008), (0.02, 0.02), (0.05, 0.05)]
    rows = [row(i, weight_update_ratio=(ratio,) * 4) | {"optimizer/lr": lr} for i, (lr, ratio) in enumerate(rising)]
    assert updates(evidence(*rows, learning_rate=0.1)) == []
    rows = [row(i, weight_update_ratio=(3 * lr,) * 4) | {"optimizer/lr": lr} for i, (lr, _) in enumerate(rising[:3])]
    assert updates(evidence(*rows, learning_rate=0.1)) == []
    [found] = updates(
        evidence(*rows, row(3, weight_update_ratio=(0.09,) * 4) | {"optimizer/lr": 0.03}, learning_rate=0.1)
    )
    assert found.step == 0 and found.numbers["full"] == pytest.approx(0.3)


def test_small_updates_only_where_nothing_was_learned(row, evidence):
    tiny = {"weight_update_ratio": (1e-7,) * 4}
    [found] = updates(evidence(row(0, accuracy=0.1, **tiny), row(200, accuracy=0.1, **tiny), learning_rate=1e-5))
    assert found.name == "small_updates" and found.remedy.override == "optimizer.lr=0.01"
    assert updates(evidence(row(0, **tiny), row(200, **tiny))) == []


def test_a_schedule_that_ended_at_zero_is_no_finding(row, evidence):
    end = row(400, accuracy=0.1, weight_update_ratio=(1e-9,) * 4) | {"optimizer/lr": 1e-6}
    assert updates(evidence(row(0, accuracy=0.1), end)) == []


def test_zero_weights_have_no_ratio(row, evidence):
    assert updates(evidence(row(0, weight_update_ratio=(math.nan, math.inf, math.nan, math.nan)))) == []


def test_loss_at_chance(row, evidence):
    stuck = [row(step, loss=2.31, accuracy=0.1) for step in (0, 50, 100, 150)]
    assert chance(evidence(*stuck[:2])) == []
    [found] = chance(evidence(*stuck))
    assert "2.310" in found.sentence and "2.303" in found.sentence and found.numbers["guessing"] == math.log(10)
    assert chance(evidence(*stuck, classes=100))[0].name == "little_learned"


def test_overfitting_needs_a_gap_and_a_rising_validation_loss(row, evidence):
    rising = [_epoch(100, 0.8, 0.7, 0.9), _epoch(200, 0.95, 0.72, 1.0), _epoch(300, 0.99, 0.71, 1.3)]
    [found] = overfitting(evidence(row(0), *rising))
    assert (
        found.severity == "warning"
        and found.numbers["gap"] == pytest.approx(0.28)
        and found.numbers["best_step"] == 100
    )
    assert overfitting(evidence(row(0), *rising[:1], _epoch(300, 0.99, 0.71, 0.91))) == []
    assert overfitting(evidence(row(0), *rising[:1], _epoch(300, 0.75, 0.71, 1.3))) == []
    assert overfitting(evidence(row(0), *rising, dropout=0.5))[0].remedy.override.startswith("optimizer.weight_decay")


def test_hardly_above_guessing_is_not_healthy_whatever_the_loss(row, evidence):
    """Clipped to nothing: the loss falls from 3.2 to 3.0 and is still above guessing."""
    slow = {"weight_update_ratio": (1e-6,) * 4}
    rows = [row(step, loss=3.2 - step / 1000, accuracy=0.1, **slow) for step in (0, 50, 100, 150, 200)]
    [found] = chance(evidence(*rows, clip=1e-6))
    assert (found.name, found.severity) == ("little_learned", "problem")
    assert found.remedy.override == "trainer.clip=1" and "trainer.clip=1e-06" in found.cause
    assert "10 %" in found.sentence and "guessing gives 11 %" in found.sentence
    assert chance(evidence(*rows, clip=1.0))[0].remedy.override == "optimizer.lr=1"
    assert chance(evidence(*rows[:2], clip=1e-6)) == [], "too early to say"


def test_ten_points_above_guessing_something_was_learned(row, evidence):
    for accuracy, count in ((0.2, 1), (0.22, 0)):
        rows = [row(step, loss=2.1, accuracy=accuracy) for step in (0, 50, 100, 150)]
        assert len(chance(evidence(*rows))) == count


def test_weights_that_decay_are_named_with_the_decay(row, evidence):
    sizes = [(0.3, 0.1, 0.05, 0.1), (0.15, 0.05, 0.03, 0.05), (0.03, 0.01, 0.005, 0.01), (3e-3, 1e-3, 5e-4, 1e-3)]
    rows = [row(100 * i, loss=2.3, accuracy=0.1, weight_std=size) for i, size in enumerate(sizes)]
    [found] = decay(evidence(*rows, weight_decay=0.5))
    assert found.name == "weights_decayed" and found.step == 200 and found.numbers["kept"] == pytest.approx(0.01)
    assert "weight decay, 0.5," in found.cause and found.remedy.override == "optimizer.weight_decay=0.0005"
    assert "None" not in decay(evidence(*rows))[0].cause
    assert decay(evidence(*rows, weight_decay=0.0)) == [], "then something else shrank them"
    assert decay(evidence(*rows[:2], weight_decay=0.5)) == []
    learned = [r | {"train/accuracy": 0.9} for r in rows]
    assert decay(evidence(*learned, weight_decay=0.5)) == []


def test_weights_that_start_at_zero_have_not_decayed(row, evidence):
    rows = [row(step, loss=2.3, accuracy=0.1, weight_std=(0.0,) * 4) for step in (0, 100, 200)]
    assert decay(evidence(*rows, weight_decay=0.5)) == []


def test_labels_that_can_only_be_memorized(row, evidence):
    shuffled = [_epoch(100, 0.4, 0.11, 2.5), _epoch(200, 0.9, 0.13, 4.0)]
    [found] = overfitting(evidence(row(0), *shuffled))
    assert (found.name, found.severity) == ("labels_unrelated", "problem") and "labels" in found.cause
    assert "never above 13 %" in found.sentence and "guessing gives 11 %" in found.sentence
    assert "labels" in found.remedy.override and "labels" in found.remedy.code
    carried = [_epoch(100, 0.4, 0.3, 2.0), _epoch(200, 0.9, 0.13, 4.0)]
    assert overfitting(evidence(row(0), *carried))[0].name == "overfitting"


def test_test_images_of_another_kind(row, evidence):
    trained = [row(0), _epoch(200, 0.97, 0.95, 0.2)]
    assert unlike(evidence(*trained)) == unlike(evidence(*trained, {"step": 200, "test/accuracy": 0.93})) == []
    [found] = unlike(evidence(*trained, {"step": 200, "test/accuracy": 0.003}))
    assert found.name == "test_unlike_training" and "another order" in found.cause
    assert "95 %" in found.sentence and "0.3 %" in found.sentence
    [other] = unlike(evidence(*trained, {"step": 200, "test/accuracy": 0.6}))
    assert "in kind" in other.cause
