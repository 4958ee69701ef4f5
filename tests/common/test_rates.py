"""Which of an optimizer's learning rates is its own."""

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, ReduceLROnPlateau

from cnnlab.common.rates import peak, rated


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


def test_rates_may_be_tensors():
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=torch.tensor(0.25))
    assert peak(rated(optimizer)) == 0.25
