"""Causes between the last layer and the loss."""

import pytest
import torch
from torch.nn import functional as F

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
        steps = [step | {f"activation/std/{layer}": 0.3 for layer in UNITS} for step in steps]
    if word == "sigmoid":
        steps = [step | {f"saturation/share/{layer}": 0.1 for layer in UNITS} for step in steps]
    found = output_bounded(evidence(*steps, settings={}))
    assert found is not None and found.points >= 9 and word in found.clause
    assert word in found.remedy.look and found.mistake


def test_outputs_of_0_to_1_behind_relu_are_no_sigmoid_s(row, evidence):
    outputs = {"output/lowest": 0.0, "output/highest": 0.4, "output/std": 0.1, "output/sum_error": 4.0}
    steps = [row(step) | outputs | {f"activation/std/{layer}": 0.3 for layer in UNITS} for step in (0, 50, 100)]
    found = output_bounded(evidence(*steps, settings={}, activation="relu"))
    assert "a ReLU" in found.clause and not found.mistake, "the mean over the map deviates less: as in SqueezeNet"


def test_the_layer_that_was_measured_last_must_be_the_one_that_gives_the_outputs(row, evidence):
    steps = [row(step) | LOGITS | {f"activation/std/{layer}": 0.3 for layer in UNITS} for step in (0, 50, 100)]
    units = UNITS | {"04_head.logits": 32}
    assert output_bounded(evidence(*steps, units=UNITS)) is not None
    assert output_bounded(evidence(*steps, units=units)) is None


@pytest.mark.parametrize(("key", "word"), [("loss/softmax", "a softmax stands"), ("loss/single", "a single output")])
def test_what_the_loss_is_seen_to_get(row, evidence, key, word):
    found = output_bounded(evidence(row(0) | {key: 1.0}, row(100) | {key: 1.0}))
    assert word in found.clause and found.mistake


def test_outputs_of_another_size_than_the_last_layers(row, evidence):
    found = output_scaled(evidence(row(0) | LOGITS | {"output/std": 1e3}))
    assert found is not None and found.name == "output_badly_scaled" and "1000" in found.clause
    assert output_scaled(evidence(row(0) | LOGITS | {"output/std": 0.4})) is None  # pooled


def test_values_whose_squares_overflow_have_no_known_deviation(row, evidence):
    assert output_scaled(evidence(row(0, preactivation_std=(1.0, 1e10, 1e15, float("inf"))) | LOGITS)) is None


def test_outputs_of_zero_say_nothing_of_an_activation(row, evidence):
    zero = {f"output/{key}": 0.0 for key in ("lowest", "highest", "std", "spread", "sum_error")}
    assert output_bounded(evidence(*(row(step) | zero for step in (0, 50, 100)))) is None


SOFTMAX = {"output/lowest": 0.01, "output/highest": 0.9, "output/std": 0.3, "output/sum_error": 1e-7}


@pytest.mark.parametrize(("least", "meant"), [(1.5, False), (1.4, True), (0.1, True), (-0.9, False)])
def test_in_a_loop_of_ones_own_a_loss_below_what_cross_entropy_of_probabilities_can_be_is_another(
    row, evidence, least, meant
):
    """The least that cross entropy makes of numbers in 0 to 1: 1 for the right one of ten, 0 for the others."""
    assert F.cross_entropy(torch.eye(10)[:1], torch.tensor([0])).item() == pytest.approx(1.46, abs=0.002)
    steps = [row(step, loss=loss) | SOFTMAX for step, loss in ((0, 2.3), (50, 2.0), (100, least))]
    assert (output_bounded(evidence(*steps)) is None) == meant
    assert output_bounded(evidence(*steps, settings={})) is not None, "in a run it is always cross entropy"


def test_in_a_loop_of_ones_own_a_single_output_is_for_another_loss(row, evidence):
    steps = [row(step, loss=0.69) | SOFTMAX | {"output/sum_error": 0.9} for step in (0, 50, 100)]
    assert output_bounded(evidence(*steps, classes=2, units=UNITS | {"04_head.logits": 1})) is None
    assert output_bounded(evidence(*steps, classes=2, units=UNITS | {"04_head.logits": 2})) is not None


def test_a_softmax_is_no_factor_where_the_classes_are_not_known(row, evidence):
    run = evidence(row(0) | SOFTMAX | {"output/std": 0.003}, classes=None)
    assert output_bounded(run) is output_scaled(run) is None


@pytest.mark.parametrize(("layer", "tanh"), [(0.96, False), (4.0, True)])
def test_small_logits_are_no_tanh_where_the_last_layer_gives_the_same(row, evidence, layer, tanh):
    small = {"output/lowest": -0.5, "output/highest": 0.96, "output/std": 0.4, "output/sum_error": 3.0}
    steps = [row(step, preactivation_largest=(5.0, 5.0, 5.0, layer)) | small for step in (0, 50, 100)]
    assert (output_bounded(evidence(*steps, settings={})) is not None) is tanh


def test_outputs_are_compared_with_the_layer_that_gives_them_not_with_another_head(row, evidence):
    other = row(0, preactivation_std=(1.2, 1.1, 1.0, 50.0)) | LOGITS
    assert output_scaled(evidence(other)) is not None, "what the graph does not tell comes from the last layer"
    assert output_scaled(evidence(other | {"output/given_by/03_head.fc1": 1.0})) is None
    both = {"output/given_by/03_head.fc1": 1.0, "output/given_by/04_head.logits": 1.0}
    assert output_scaled(evidence(other | both)) is None
    activated = other | {"output/lowest": 0.0, "activation/std/04_head.logits": 0.3}
    steps = [activated | {"step": step} for step in (0, 50, 100)]
    assert "ReLU" in output_bounded(evidence(*steps, settings={})).clause
    given = [
        step | {"output/given_by/01_block1.conv1": 1.0, "preactivation/largest/01_block1.conv1": 4.0} for step in steps
    ]
    assert output_bounded(evidence(*given, settings={})) is None


def test_in_a_loop_of_ones_own_the_loss_may_have_a_sigmoid_of_its_own(row, evidence):
    outputs = {"output/lowest": 0.1, "output/highest": 0.9, "output/std": 0.3, "output/sum_error": 4.0}
    steps = [row(step, loss=2.0) | outputs for step in (0, 50, 100)]
    assert "a softmax or sigmoid of its own" in output_bounded(evidence(*steps)).clause
    assert "has a softmax of its own" in output_bounded(evidence(*steps, settings={})).clause
