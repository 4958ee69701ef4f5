"""Which of an optimizer's learning rates is its own."""

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import (
    CyclicLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
)

from cnnlab.common.rates import note_peaks, peak, rated


def _optimizer(*rates: float | None, lr: float = 0.01) -> torch.optim.Optimizer:
    groups = [{"params": [nn.Parameter(torch.ones(1))], **({} if rate is None else {"lr": rate})} for rate in rates]
    return torch.optim.SGD(groups, lr=lr)


@pytest.mark.parametrize(
    ("rates", "found"), [((None,), 0.01), ((0.16, None), 0.01), ((1e-4, None), 0.01), ((1e-4, 1e-3), 1e-3)]
)
def test_the_rate_that_was_given_to_all_or_else_the_largest(rates, found):
    assert peak(rated(_optimizer(*rates))) == found


def test_a_schedule_does_not_change_which_one_it_is():
    optimizer = _optimizer(0.16, None)
    scheduler = LambdaLR(optimizer, lambda step: 0.1 * (step + 1))
    for _ in range(3):
        optimizer.step()
        scheduler.step()
        assert rated(optimizer) is optimizer.param_groups[1] and peak(rated(optimizer)) == 0.01


def test_it_stays_the_same_where_a_schedule_leaves_no_trace():
    optimizer = _optimizer(1e-2, None, lr=1e-3)
    plateau = ReduceLROnPlateau(optimizer, factor=0.1, patience=0)
    assert rated(optimizer) is optimizer.param_groups[1]
    for _ in range(3):
        plateau.step(1.0)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-4) and rated(optimizer) is optimizer.param_groups[1]


def test_the_peak_of_a_warm_up():
    optimizer = _optimizer(None)
    OneCycleLR(optimizer, max_lr=0.5, total_steps=10)
    assert rated(optimizer)["lr"] < 0.1 and peak(rated(optimizer)) == 0.5


def _cyclic(optimizer: torch.optim.Optimizer, highest: float = 0.5) -> LRScheduler:
    return CyclicLR(optimizer, base_lr=0.001, max_lr=highest, step_size_up=5)


def _after_one_cycle(optimizer: torch.optim.Optimizer) -> LRScheduler:
    return SequentialLR(optimizer, [OneCycleLR(optimizer, 0.5, total_steps=10), _cyclic(optimizer, 0.1)], [9])


def _in_turn(optimizer: torch.optim.Optimizer) -> LRScheduler:
    return SequentialLR(optimizer, [LinearLR(optimizer, total_iters=3), _cyclic(optimizer)], [3])


@pytest.mark.parametrize(
    ("made", "highest"),
    [
        (_cyclic, 0.5),
        (_in_turn, 0.5),
        (_after_one_cycle, 0.5),
        (lambda o: OneCycleLR(o, 0.5, total_steps=50), 0.5),
        (lambda o: LinearLR(o), 0.01),
    ],
)
def test_the_peak_is_the_highest_rate_that_the_schedule_comes_to(made, highest):
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.01, momentum=0.9)
    note_peaks(scheduler := made(optimizer))
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert peak(rated(optimizer)) == highest == pytest.approx(max(rates))


@pytest.mark.parametrize("made", [_cyclic, _in_turn, _after_one_cycle])
def test_the_peak_is_that_of_the_last_schedule(made):
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.001, momentum=0.9)
    note_peaks(_cyclic(optimizer, 3.0))
    assert peak(rated(optimizer)) == 3.0
    note_peaks(made(optimizer))
    assert peak(rated(optimizer)) == 0.5


def test_rates_may_be_tensors():
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=torch.tensor(0.25))
    assert peak(rated(optimizer)) == 0.25
