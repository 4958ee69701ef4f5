"""Number formats: updates that are lost, infinities from nothing."""

from math import inf, nan

import pytest

from cnnlab.diagnosis.causes.architecture import undefined
from cnnlab.diagnosis.causes.number_format import precision, update
from cnnlab.diagnosis.finding import SEEN

LAYERS = ("01_block1.conv1", "02_block2.conv1", "03_head.fc1", "04_head.logits")
STEPS = (0, 50, 100, 150, 200)


def test_float32_is_no_cause(row, evidence):
    assert precision(evidence(*(row(step) for step in STEPS), precision="float32")) is None


def test_an_infinity_that_float32_cannot_have_made(row, evidence):
    broken = row(0, preactivation_largest=(5.0, 7e4, inf, inf), preactivation_nonfinite=(0.0, 0.0, 3.0, 9.0))
    found = precision(evidence(broken, fan_in=dict.fromkeys(LAYERS, 100)))
    assert found.points >= 9 and "03_head.fc1" in found.supporting[0] and "65504" in found.supporting[0]
    far = row(0, preactivation_largest=(5.0, 1e36, inf, inf), preactivation_nonfinite=(0.0, 0.0, 3.0, 9.0))
    assert precision(evidence(far)) is None
    outputs = row(0, loss=inf) | {"output/highest": inf, "output/lowest": -3.0}
    assert "outputs hold infinity" in precision(evidence(outputs)).supporting[0]
    first = row(0, preactivation_largest=(inf,) * 4, preactivation_nonfinite=(1.0,) * 4)
    assert precision(evidence(first)) is None  # its weights, or the images


def test_a_gradient_of_the_loss_that_float32_cannot_have_made_infinite(row, evidence):
    broken = row(8, gradient_nonfinite=(5.0,) * 4)
    found = precision(evidence(row(0), broken))
    assert found.points >= 9 and "04_head.logits is infinite or NaN" in found.supporting[0]


def test_an_infinity_after_calm_steps(row, evidence):
    found = precision(evidence(row(0), row(16), row(32, loss=inf, preactivation_nonfinite=(5.0,) * 4)))
    assert 0 < found.points < 9 and "at step 16 no value exceeded 5" in found.supporting[0]


def test_an_optimizer_that_does_not_step_loses_nothing_in_rounding(row, evidence):
    assert precision(evidence(*(row(step, weight_update_ratio=(0.0,) * 4) for step in STEPS))) is None


def test_updates_that_are_lost_in_rounding(row, evidence):
    still = [row(step, weight_update_ratio=(0.0, 0.0, 1e-3, 1e-3)) for step in STEPS]
    assert precision(evidence(*still, precision="bfloat16")).points >= 9
    assert precision(evidence(*(row(step) for step in STEPS), precision="float32")) is None


def test_what_no_format_is_too_narrow_for_is_an_operation(row, evidence):
    """0 / 0 of small values: none of their sums or squares leaves float16."""
    broken = row(0, preactivation_largest=(5.0, 5.0, inf, inf), preactivation_nonfinite=(0.0, 0.0, 5.0, 5.0))
    for terms, format_first in ((9, False), (10_000, True)):
        run = evidence(broken, fan_in=dict.fromkeys(LAYERS, terms))
        assert (undefined(run) is None) is format_first and (precision(run).points >= 9) is format_first


@pytest.mark.parametrize(
    ("what", "by_update", "cause"),
    [
        ("mul in float16", 0, "precision_too_low"),
        ("div in float32", 0, "network_unsuitable"),
        ("addcdiv in float32", 1, "training_unsuitable"),
    ],
)
def test_the_operation_that_was_caught_decides(row, evidence, what, by_update, cause):
    broken = row(0, preactivation_largest=(5.0, 5.0, inf, inf), preactivation_nonfinite=(0.0, 0.0, 5.0, 5.0))
    caught = {"step": 0, f"check/produced/{what}": 7.0, "check/produced_by_update": by_update}
    run = evidence(broken, caught, fan_in=dict.fromkeys(LAYERS, 100))
    found = [each for suspect in (precision, update, undefined) if (each := suspect(run)) and each.seen >= SEEN]
    assert [each.name for each in found] == [cause] and what in found[0].supporting[0]


def test_a_large_value_explains_itself(row, evidence):
    """A run that diverges ends in such an operation as well."""
    run = evidence(row(0), {"step": 9, "check/produced/convolution in float32": 1e25, "check/produced_by_update": 0})
    assert undefined(run) is None and update(run) is None


@pytest.mark.parametrize(
    ("levels", "bits", "began", "coarse"),
    [
        (255, 24, 5000, True),
        (255, 24, nan, True),
        (258, 24, 2, False),  # Dirac's zeros and ones, of which few get a gradient
        (5000, 8, 5000, True),
        (5000, 24, 5000, False),
        (5000, 11, 5000, False),
        (1, 8, 1, False),
    ],
)
def test_weights_on_a_grid(row, evidence, levels, bits, began, coarse):
    looks = {
        "step": 200,
        "check/weight_levels": levels,
        "check/weight_bits": bits,
        "check/weight_levels_at_start": began,
    }
    found = precision(evidence(*(row(step) for step in STEPS), looks, precision="float32"))
    assert (found is not None and found.points >= SEEN) is coarse


def test_where_the_layers_give_float32_no_narrower_format_is_to_blame(row, evidence):
    """A root of 0 in a loss of one's own: its gradient is infinite, and the network's values are small."""
    broken = row(8, gradient_nonfinite=(5.0,) * 4)
    for computed, narrow in ((None, True), ("float16", True), ("float32", False)):
        run = evidence(row(0), broken, computed=computed)
        assert (precision(run).points >= 9) is narrow and (undefined(run) is None) is narrow
