"""At which steps a run is measured, drawn and judged."""

import pytest

from cnnlab.telemetry.schedule import Schedule, log_schedule


def test_the_schedule_is_dense_at_first_and_has_the_last_step() -> None:
    steps = [step for step in range(24) if Schedule(10, 24)(step)]
    assert steps == [0, 1, 2, 4, 8, 10, 16, 20, 23]
    assert [step for step in range(24) if Schedule(10, 24, early=False)(step)] == [0, 10, 20, 23]


@pytest.mark.parametrize("steps", [*range(20), 100, 12345])
def test_log_schedule(steps):
    chosen = sorted(log_schedule(steps))
    assert chosen[0] == 0 and chosen[-1] == max(0, steps - 1) and len(chosen) <= 6
    assert all(step.bit_count() == 1 for step in chosen[1:-1])


def test_the_log_schedule_is_even_on_a_log_scale():
    assert sorted(log_schedule(400)) == [0, 2, 8, 64, 256, 399]
    assert len(log_schedule(10**6, between=8)) == 10
