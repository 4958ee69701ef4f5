"""Causes between the last layer and the loss."""

import pytest

from cnnlab.diagnosis.causes.outputs import output_bounded, output_scaled

UNITS = {"01_block1.conv1": 8, "02_block2.conv1": 16, "03_head.fc1": 32, "04_head.logits": 10}
LOGITS = {
    "output/lowest": -3.0,
    "output/highest": 4.0,
    "output/std": 1.0,
    "output/spread": 0.8,
    "output/sum_error": 5.0,
}


def test_usual_outputs_are_no_cause(row, evidence):
    run = evidence(row(0) | LOGITS, row(100) | LOGITS, units=UNITS)
    assert output_bounded(run) is None and output_scaled(run) is None


@pytest.mark.parametrize(
    ("low", "high", "error", "activated", "word"),
    [
        (0.01, 0.9, 1e-7, False, "softmax"),
        (0.1, 0.9, 4.0, True, "sigmoid"),
        (0.0, 12.0, 30.0, True, "ReLU"),
        (-0.9, 0.95, 3.0, True, "an activation"),
        (0.0, 12.0, 30.0, False, "ReLU"),
    ],
)
def test_an_activation_before_the_loss(row, evidence, low, high, error, activated, word):
    outputs = {"output/lowest": low, "output/highest": high, "output/std": 0.3, "output/sum_error": error}
    steps = [row(step) | outputs for step in (0, 50, 100)]
    if activated:
        steps = [step | {f"activation/std/{layer}": 0.5 for layer in UNITS} for step in steps]
    found = output_bounded(evidence(*steps))
    assert found is not None and found.points >= 9 and word in found.clause


def test_outputs_of_another_size_than_the_last_layers(row, evidence):
    found = output_scaled(evidence(row(0) | LOGITS | {"output/std": 1e3}))
    assert found is not None and found.name == "output_badly_scaled" and "1000" in found.clause
    assert output_scaled(evidence(row(0) | LOGITS | {"output/std": 0.4})) is None  # pooled


def test_values_whose_squares_overflow_have_no_known_deviation(row, evidence):
    assert output_scaled(evidence(row(0, preactivation_std=(1.0, 1e10, 1e15, float("inf"))) | LOGITS)) is None


def test_outputs_of_zero_say_nothing_of_an_activation(row, evidence):
    zero = {f"output/{key}": 0.0 for key in ("lowest", "highest", "std", "spread", "sum_error")}
    assert output_bounded(evidence(*(row(step) | zero for step in (0, 50, 100)))) is None
