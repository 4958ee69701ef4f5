"""Schedules at their landmarks."""

import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, PolynomialLR

from cnnlab.training.schedules import constant, cosine, one_cycle, rates_at, rising


def _rates(schedule, steps: int, **knobs) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = schedule(optimizer, steps, **knobs)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_constant():
    assert _rates(constant, 5) == [0.5] * 5


def test_rising_multiplies_by_one_factor_up_to_the_ratio():
    assert _rates(rising, 4, ratio=8.0) == pytest.approx([0.5, 1.0, 2.0, 4.0])
    assert _rates(rising, 1, ratio=8.0) == [0.5]


def test_cosine_warms_up_and_comes_down_to_nothing():
    rates = _rates(cosine, 100, warmup=0.1)
    assert rates[:10] == pytest.approx([0.05 * (i + 1) for i in range(10)])
    assert rates[10] == pytest.approx(0.5) and rates[55] == pytest.approx(0.25) and rates[-1] < 0.001
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_one_cycle_peaks_at_the_learning_rate_where_the_warm_up_ends():
    rates = _rates(one_cycle, 101, warmup=0.25)
    assert max(rates) == pytest.approx(0.5, rel=1e-3) and abs(rates.index(max(rates)) - 24) <= 1
    assert rates[0] == pytest.approx(0.5 / 25) and rates[-1] < 1e-4


def test_one_cycle_is_torchs_where_that_one_works():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    reference = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=101, pct_start=26 / 101)
    rates = []
    for _ in range(101):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < 101:
            reference.step()
    assert _rates(one_cycle, 101, warmup=0.25) == pytest.approx(rates, rel=1e-5)


@pytest.mark.parametrize("schedule", [constant, cosine, one_cycle])
@pytest.mark.parametrize("steps", [0, 1, 2, 4])
def test_short_runs_have_a_schedule_too(schedule, steps):
    assert len(_rates(schedule, steps)) == steps


@pytest.mark.parametrize("schedule", [cosine, one_cycle])
@pytest.mark.parametrize("warmup", [0.0, 1.0])
def test_a_warm_up_may_be_nothing_or_all(schedule, warmup):
    assert max(_rates(schedule, 10, warmup=warmup)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("made", "share"),
    [
        (CosineAnnealingLR, lambda step: 0.5 * (1 + math.cos(math.pi * step / 80))),
        (PolynomialLR, lambda step: 1 - step / 80),
        (cosine, lambda step: 0.5 * (1 + math.cos(math.pi * step / 80))),
    ],
)
def test_a_schedule_that_is_brought_to_a_step_is_that_of_its_own_length(made, share):
    """The state of one of 40 steps would bring back the 40, from where torch's cosine rises again."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = made(optimizer, 80)
    assert rates_at(40, optimizer, scheduler) == [pytest.approx(0.5 * share(40))]
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5 * share(41))
