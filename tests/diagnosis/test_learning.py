"""Updates, loss at chance, overfitting."""

import math

import pytest

from cnnlab.diagnosis.learning import chance, overfitting, updates


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
    assert chance(evidence(*stuck, classes=100)) == []


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
