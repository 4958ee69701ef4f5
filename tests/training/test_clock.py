"""StepClock on steps of known length."""

import pytest
import torch

from cnnlab.training.clock import StepClock, milliseconds


@pytest.fixture
def timed(monkeypatch):
    """A function that runs a clock over steps whose length is known exactly."""
    now = [0.0]
    monkeypatch.setattr("cnnlab.training.clock.perf_counter", lambda: now[0])

    def run(measured: list[bool], plain_s: float, extra_s: float, drawn: dict[int, float] | None = None):
        drawn = drawn or {}
        clock = StepClock(torch.device("cpu"))
        clock.start(0, measured[0])
        for i, looked in enumerate(measured):
            now[0] += plain_s + extra_s * looked + drawn.get(i, 0.0)
            clock.step(measured[i + 1] if i + 1 < len(measured) else False)
        clock.stop()
        now[0] += 99.0  # validation, which is in no step
        return clock.report(drawn)

    return run


def test_overhead_is_what_measured_steps_take_more(timed):
    report = timed([True] + [False] * 9 + [True] + [False] * 9, 0.004, 0.02)
    assert report["time/step_ms"] == pytest.approx(4)
    assert report["telemetry/overhead"] == pytest.approx(2 * 0.02 / (20 * 0.004))


def test_steps_at_which_pictures_are_drawn_and_the_first_one_do_not_count(timed):
    measured = [i % 10 == 0 for i in range(40)]
    report = timed(measured, 0.004, 0.002, drawn={0: 9.0, 20: 0.5, 30: 0.5})
    assert report["time/step_ms"] == pytest.approx(4)
    assert report["telemetry/overhead"] == pytest.approx(4 * 0.002 / (40 * 0.004))


def test_what_cannot_be_told_is_left_out(timed):
    assert "telemetry/overhead" not in timed([True] * 3, 0.001, 0.0)
    assert StepClock(torch.device("cpu")).report() == {}


def test_nothing_measured_costs_nothing(timed):
    assert timed([False] * 5, 0.001, 0.0)["telemetry/overhead"] == 0


def test_what_the_first_plain_stretch_does_once_does_not_count(timed):
    measured = [i in (0, 1, 2, 10, 20) for i in range(30)]
    report = timed(measured, 0.004, 0.002, drawn={3: 20.0})  # a compilation
    assert report["time/step_ms"] == pytest.approx(4)
    assert report["telemetry/overhead"] == pytest.approx(5 * 0.002 / (30 * 0.004))


def test_milliseconds_are_the_median_without_the_first_call(monkeypatch):
    now, lengths = [0.0], iter([9.0, 0.004, 0.004, 0.005, 0.1, 0.001])
    monkeypatch.setattr("cnnlab.training.clock.perf_counter", lambda: now[0])

    def work() -> None:
        now[0] += next(lengths)

    assert milliseconds(work, torch.device("cpu")) == pytest.approx(4)
    assert next(lengths, None) is None


def test_the_first_step_is_done_before_what_follows_it_which_is_part_of_it(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("cnnlab.training.clock.perf_counter", lambda: now[0])
    clock = StepClock(torch.device("cpu"))
    clock.start(0, True)
    for _ in range(3):
        now[0] += 0.004
        clock.done()
        now[0] += 0.5 if clock.stepped == now[0] else 0.0  # a figure is drawn behind the first
        clock.step(True)
    clock.stop()
    assert clock.stepped == pytest.approx(0.004)
    assert clock.report()["time/step_ms"] == pytest.approx(4)
