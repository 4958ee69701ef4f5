"""The range test against a naive loop; its suggestion trains."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cnnlab.datasets.batches import Batches
from cnnlab.datasets.digits import digits
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.training import range_test as module
from cnnlab.training.range_test import range_test
from cnnlab.training.schedules import one_cycle
from cnnlab.training.trainer import Trainer
from cnnlab.training.trials import Course, Start

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def batches() -> Batches:
    data = digits(size=8)
    return Batches(data.train, data.mean, data.std, 32)


def _network(fill=nn.init.kaiming_normal_, **settings) -> ConvNet:
    made = ConvNet((1, 8, 8), 10, **{"channels": (8,), "convs_per_block": 1, **settings})
    initialize(made, fill)
    return made


def _trainer(network: nn.Module, make=torch.optim.SGD, lr: float = 0.05, steps: int = 100, **settings) -> Trainer:
    extra = {"momentum": 0.9} if make is torch.optim.SGD else {}
    optimizer = make(network.parameters(), lr=lr, **extra)
    return Trainer(network, optimizer, one_cycle(optimizer, steps), CPU, **settings)


def _naive_range_test(network, make, batches, steps: int = 100) -> tuple[list[float], list[float]]:
    """Rates and losses, written out, without a stop."""
    copied, rates, losses = copy.deepcopy(network).train(), [], []
    optimizer = make(copied.parameters())
    every = [batch for epoch in range(10) for batch in batches.epoch(epoch)]
    for step, (x, y) in zip(range(steps), every, strict=False):
        rates.append(10 ** (-6 + 7 * step / (steps - 1)))
        optimizer.param_groups[0]["lr"] = rates[-1]
        loss = cross_entropy(copied(x), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return rates, losses


def _naively_smoothed(losses: list[float]) -> list[float]:
    medians = [float(np.median(losses[max(0, i - 2) : i + 3])) for i in range(len(losses))]
    return [float(np.mean(medians[max(0, i - 2) : i + 3])) for i in range(len(losses))]


def test_the_range_test_is_a_naive_loop(batches):
    network = _network(norm="batch")
    found = range_test(Start.of(_trainer(network, torch.optim.AdamW, lr=0.3)), batches)
    rates, losses = _naive_range_test(network, torch.optim.AdamW, batches)
    n = len(found.rates)
    smooth = _naively_smoothed(losses[:n])
    assert n > 50 and found.rates == pytest.approx(rates[:n]) and found.losses == pytest.approx(smooth, rel=1e-3)


def test_the_suggested_rate_trains_and_the_largest_is_near_where_training_ends(batches):
    network = _network()
    found = range_test(Start.of(_trainer(network, lr=1e-6)), batches)
    assert found.best is not None and found.largest is not None and found.best < found.largest

    def after(lr: float) -> float:
        trainer = _trainer(copy.deepcopy(network), lr=lr, steps=90)
        losses = [trainer.step(*batch, trainer.network)[0] for epoch in range(2) for batch in batches.epoch(epoch)]
        return sum(loss.item() for loss in losses[-10:]) / 10

    assert after(found.best) < 0.5 and not after(10 * found.largest) < 2


def test_a_rate_that_only_a_trained_network_bears_is_not_suggested(monkeypatch):
    """All images in one batch: the sweep's last rates find a network that has learned already."""
    data = digits(size=8)
    batches = Batches(data.train, data.mean, data.std, len(data.train))
    network = ConvNet((1, 8, 8), 10, channels=(8, 16), convs_per_block=1)
    initialize(network, nn.init.kaiming_normal_)
    start = Start.of(_trainer(network, torch.optim.AdamW))
    found = range_test(start, batches)
    assert found.best is not None
    trainer = start.trainer(rate=found.best)
    losses = [trainer.step(*next(iter(batches.epoch(0))), trainer.network)[0].item() for _ in range(50)]
    assert losses[-1] < 0.5 * losses[0]
    monkeypatch.setattr(module, "PARTS", 0)
    swept = range_test(start, batches).best
    assert swept is not None and found.best < swept


def test_a_loss_that_rises_for_a_while_and_falls_again_is_no_end_of_the_rates(batches, monkeypatch):
    """As with momentum, where the least loss can lie a hundred times below the rate at which it blows up."""
    losses = [2.3] * 40 + [0.8] * 10 + [1.5] * 10 + [0.9] * 10 + [1.6] * 10 + [9.0] * 20
    course = Course(losses, [0.5] * 100, classes=10)
    monkeypatch.setattr(module, "brief_course", lambda *arguments: course)
    monkeypatch.setattr(module, "PARTS", 0)  # nothing is trained
    found = range_test(Start.of(_trainer(_network())), batches)
    rates = [10 ** (-6 + 7 * step / 99) for step in range(100)]
    assert found.best is not None and found.largest is not None
    assert rates[65] < 4 * found.best < rates[75] and rates[65] < found.largest < rates[75]


@pytest.mark.parametrize(
    ("ends", "tried"),
    [
        ([math.nan, math.nan, math.nan], 2),
        ([math.nan, 2.2, math.nan], 1),
        ([2.2, math.nan, math.nan], 0),
        ([50.0, 2.2, 2.2], 1),
        ([math.nan, math.nan, 0.5], 2),
    ],
)
def test_a_rate_at_which_the_loss_blew_up_is_not_suggested_before_one_that_is_borne(batches, monkeypatch, ends, tried):
    courses = iter([Course([2.3] * 15 + [end], [0.1] * 16, classes=10) for end in ends])
    monkeypatch.setattr(module, "brief_course", lambda *arguments: next(courses))
    held = module._held(Start.of(_trainer(_network())), batches, 0.9, 60.0, 16)
    assert held == pytest.approx((0.9, 0.3, 0.1)[tried])


@pytest.mark.parametrize("fill", [nn.init.zeros_, lambda weight: nn.init.normal_(weight, std=1e-9)])
def test_there_is_no_suggestion_where_no_rate_helps(batches, fill):
    network = _network(fill, channels=(8, 8))
    found = range_test(Start.of(_trainer(network)), batches)
    assert (found.best, found.largest) == (None, None) and len(found.rates) == len(found.losses)


def test_a_loss_that_is_not_finite_from_the_start_is_no_suggestion(batches):
    found = range_test(Start.of(_trainer(_network(lambda weight: weight.fill_(math.inf)))), batches)
    assert (found.best, found.largest, found.losses) == (None, None, ())


def test_groups_keep_their_ratio_while_the_rate_grows(batches, monkeypatch):
    network, seen = _network(), []
    first, *others = network.parameters()
    optimizer = torch.optim.SGD([{"params": [first], "lr": 0.4}, {"params": others, "lr": 0.1}])
    step = Trainer.step

    def watched(self, *arguments):
        seen.append([group["lr"] for group in self.optimizer.param_groups])
        return step(self, *arguments)

    monkeypatch.setattr(Trainer, "step", watched)
    range_test(Start.of(Trainer(network, optimizer, one_cycle(optimizer, 10), CPU)), batches)
    assert seen[0] == pytest.approx([1e-6, 0.25e-6]) and all(a == pytest.approx(4 * b) for a, b in seen)


def test_a_network_that_starts_slowly_is_given_more_steps_per_decade():
    data = digits(size=8)
    batches = Batches(data.train, data.mean, data.std, 64)
    network = ConvNet((1, 8, 8), 10, channels=(8,), convs_per_block=20)
    initialize(network, nn.init.kaiming_normal_)
    found = range_test(Start.of(_trainer(network, torch.optim.AdamW)), batches)
    assert found.rates[-1] / found.rates[0] < 1e3 and found.best is not None
