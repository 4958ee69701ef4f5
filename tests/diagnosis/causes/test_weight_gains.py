"""The gain of layers."""

from math import sqrt

import pytest

from cnnlab.diagnosis.causes.weight_gains import factors_of, gains_of, median_gain

FANS = {"01_block1.conv1": 9, "02_block2.conv1": 72, "03_head.fc1": 256, "04_head.logits": 32}


def test_gains_are_deviations_times_the_root_of_the_fan_in(row, evidence):
    run = evidence(row(0, weight_std=(0.3, 0.1, 0.05, 0.0)), fan_in=FANS, frozen=("01_block1.conv1",))
    gains = gains_of(run, run.first)
    assert gains == pytest.approx({"02_block2.conv1": 0.1 * sqrt(72), "03_head.fc1": 0.05 * 16}), "of what is trained"
    assert median_gain(run) == pytest.approx(sorted((0.9, 0.1 * sqrt(72), 0.8))[1])
    factors = factors_of(run.first, gains)
    assert factors["02_block2.conv1"] == pytest.approx(1.1 / 1.2 / (0.1 * sqrt(72)))
