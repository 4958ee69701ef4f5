"""StepClock on steps of known length."""

import time

import pytest
import torch

from cnnlab.training.clock import StepClock


def _timed(measured: list[bool], plain_s: float, extra_s: float) -> dict[str, float]:
    clock = StepClock(torch.device("cpu"))
    clock.start(measured[0])
    for i, looked in enumerate(measured):
        time.sleep(plain_s + extra_s * looked)
        clock.step(measured[i + 1] if i + 1 < len(measured) else False)
    clock.stop()
    return clock.report()


def test_overhead_is_what_measured_steps_take_more():
    report = _timed([True] + [False] * 9 + [True] + [False] * 9, 0.004, 0.02)
    assert report["time/step_ms"] == pytest.approx(4, rel=0.3)
    assert report["telemetry/overhead"] == pytest.approx(2 * 0.02 / (20 * 0.004), rel=0.3)


def test_what_cannot_be_told_is_left_out():
    assert "telemetry/overhead" not in _timed([True] * 3, 0.001, 0.0)
    assert StepClock(torch.device("cpu")).report() == {}


def test_nothing_measured_costs_nothing():
    assert _timed([False] * 5, 0.001, 0.0)["telemetry/overhead"] == 0
