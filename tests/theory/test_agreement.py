"""Log ratios and chart twins, by hand."""

import math

import pytest
from torch import nn

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.theory import by_depth, curve_and_band, expected, log_ratios


@pytest.fixture
def expectation(digits):
    network = ConvNet((1, 8, 8), 10)
    initialize(network, nn.init.kaiming_normal_)
    return expected(network, digits)


def test_ratios_are_logarithms_of_deviations(expectation):
    expected = expectation.by_key()
    measured = {
        "activation/std/01_block1.conv1": 2 * expected["activation/std/01_block1.conv1"].value,
        "preactivation/std/01_block1.conv1": 7 * expected["preactivation/std/01_block1.conv1"].value,
        "preactivation/std/06_head.logits": expected["preactivation/std/06_head.logits"].value,
        "gradient/std/02_block1.conv2": 0.5 * expected["gradient/std/02_block1.conv2"].value,
        "gradient/std/03_block2.conv1": 0.0,
        "gradient/std/04_block2.conv2": math.inf,
        "gradient/std/05_head.fc1": math.nan,
        "train/loss": 2.3,
    }
    assert log_ratios(expectation, measured) == pytest.approx(
        {
            "theory/log_ratio/01_block1.conv1": math.log(2),
            "theory/log_ratio/06_head.logits": 0.0,
            "theory/gradient_log_ratio/02_block1.conv2": -math.log(2),
            "theory/gradient_log_ratio/03_block2.conv1": -math.inf,
        },
        abs=1e-12,
    )


def test_nothing_is_compared_with_a_predicted_zero(digits):
    network = ConvNet((1, 8, 8), 10)
    initialize(network, nn.init.zeros_)
    expectation = expected(network, digits)
    ratios = log_ratios(expectation, {key: 1e-9 for key in expectation.by_key()})
    assert list(ratios) == ["theory/gradient_log_ratio/06_head.logits"]


def test_twins_have_telemetry_s_keys_and_lie_in_order(expectation):
    twins = by_depth(expectation)
    assert list(twins) == ["_predicted", "_lower", "_upper"]
    assert len(twins["_predicted"]) == 6 + 5 + 6, "no activation follows the logits"
    for key, value in twins["_predicted"].items():
        assert twins["_lower"][key] < value < twins["_upper"][key]
        assert key.split("/")[0] in ("preactivation", "activation", "gradient") and key.split("/")[1] == "std"


def test_results_hold_the_curve_and_its_band(expectation):
    found = curve_and_band(expectation)
    assert len(found) == 3 * (6 + 5 + 6)
    layer = expectation.layers["02_block1.conv2"]
    assert found["theory/activation_std/02_block1.conv2"] == layer.activation_std.value
    assert found["theory/gradient_std_lower/02_block1.conv2"] == layer.gradient_std.lower
    assert found["theory/preactivation_std_upper/02_block1.conv2"] == layer.preactivation_std.upper
