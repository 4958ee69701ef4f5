"""Trials against naive loops, and that nothing of the run can be told to have been tried."""

import copy
import math
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cnnlab.common.errors import NotApplicable
from cnnlab.datasets.batches import Batches
from cnnlab.datasets.digits import digits
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.training import trials
from cnnlab.training.range_test import range_test
from cnnlab.training.schedules import one_cycle
from cnnlab.training.trainer import Trainer
from cnnlab.training.trials import Start, brief_training, one_batch

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def batches() -> Batches:
    data = digits(size=8)
    return Batches(data.train, data.mean, data.std, 32)


@pytest.fixture(scope="module")
def batch(batches) -> tuple[torch.Tensor, torch.Tensor]:
    return next(batches.epoch(0))


def _network(fill=nn.init.kaiming_normal_, **settings) -> ConvNet:
    made = ConvNet((1, 8, 8), 10, **{"channels": (8,), "convs_per_block": 1, **settings})
    initialize(made, fill)
    return made


def _trainer(network: nn.Module, make=torch.optim.SGD, lr: float = 0.05, steps: int = 100, **settings) -> Trainer:
    extra = {"momentum": 0.9} if make is torch.optim.SGD else {}
    optimizer = make(network.parameters(), lr=lr, **extra)
    return Trainer(network, optimizer, one_cycle(optimizer, steps), CPU, **settings)


def _all_of(trainer: Trainer) -> list:
    assert trainer.optimizer is not None and trainer.scheduler is not None
    parts = (trainer.network, trainer.optimizer, trainer.scheduler)
    return [copy.deepcopy(part.state_dict()) for part in parts] + [trainer.network.training]


def _random_state() -> list:
    return [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()]


def _same(one, other) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


@pytest.mark.parametrize("moment", ["before", "amid"])
def test_a_run_cannot_tell_that_something_was_tried(batches, batch, moment):
    trainer = _trainer(_network(norm="batch", dropout=0.5), torch.optim.AdamW)
    start = Start.of(trainer)
    if moment == "amid":
        trainer.step(*batch, trainer.network)
    trainer.network.eval()
    before, state, grads = _all_of(trainer), _random_state(), [p.grad for p in trainer.network.parameters()]
    for reference in (False, True):
        one_batch(start, *batch, steps=5, reference=reference)
    range_test(start, batches)
    assert _same(_all_of(trainer), before) and _same(_random_state(), state)
    assert all(p.grad is grad for p, grad in zip(trainer.network.parameters(), grads, strict=True))
    assert not any(module._forward_hooks for module in trainer.network.modules())


def test_a_trial_begins_at_the_start_however_far_the_run_is(batch):
    trainer = _trainer(_network(norm="batch", dropout=0.5), torch.optim.AdamW)
    start = Start.of(trainer)
    first = one_batch(start, *batch, steps=8)
    for _ in range(20):
        trainer.step(*batch, trainer.network)
    torch.rand(3)
    assert one_batch(start, *batch, steps=8) == first


@pytest.mark.parametrize("reference", [False, True])
def test_one_batch_is_a_naive_loop_at_the_peak_of_the_schedule(batch, reference):
    network, (x, y) = _network(norm="batch"), batch
    copied = copy.deepcopy(network).train()
    found = one_batch(Start.of(_trainer(network, lr=0.02)), x, y, steps=12, reference=reference)
    if reference:
        optimizer = torch.optim.AdamW(copied.parameters(), lr=1e-3, weight_decay=0)
    else:
        optimizer = torch.optim.SGD(copied.parameters(), lr=0.02, momentum=0.9)
    losses = []
    for _ in range(found.steps):
        logits = copied(x)
        losses.append(cross_entropy(logits, y))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert found.losses == pytest.approx([loss.item() for loss in losses], rel=1e-5)
    assert (found.first_loss, found.last_loss) == (found.losses[0], found.losses[-1])
    assert found.accuracy == pytest.approx((logits.argmax(1) == y).float().mean().item())


def test_a_batch_is_learned_as_soon_as_every_answer_is_right_and_sure(batch):
    found = one_batch(Start.of(_trainer(_network())), *batch, steps=300)
    p = torch.bincount(batch[1]) / len(batch[1])
    enough = 0.1 * -(p[p > 0] * p[p > 0].log()).sum().item()
    assert found.learned and found.accuracy == 1 and found.last_loss <= enough < found.losses[-2] + 0.02
    assert found.steps == len(found.losses) < 300


def test_what_cannot_learn_is_told_and_what_hinders_is_found_by_the_reference(batch):
    still = Start.of(_trainer(_network(), lr=1e-6))
    own, reference = (one_batch(still, *batch, steps=150, reference=way) for way in (False, True))
    assert not own.learned and own.steps == 150 and reference.learned
    zeros = Start.of(_trainer(_network(nn.init.zeros_), lr=0.05))
    assert not any(one_batch(zeros, *batch, steps=60, reference=way).learned for way in (False, True))


def test_smoothed_labels_are_learned_when_what_can_be_learned_of_them_is(batch):
    found = one_batch(Start.of(_trainer(_network(), label_smoothing=0.2)), *batch, steps=300)
    p = torch.full((10,), 0.02).index_fill(0, torch.tensor(0), 0.82)
    assert found.learned and found.last_loss > -(p * p.log()).sum().item()


def test_a_loss_that_is_not_finite_ends_a_trial(batch):
    found = one_batch(Start.of(_trainer(_network(), lr=1e6)), *batch, steps=100)
    assert not found.learned and not math.isfinite(found.last_loss) and found.steps < 20 and not found.unfinished


def test_what_cannot_be_trained_is_told_and_raises_nothing_else(batch, monkeypatch):
    start, state = Start.of(_trainer(_network())), _random_state()
    monkeypatch.setattr(ConvNet, "forward", lambda self, x: torch.rand(1) / (1 // 0))
    with pytest.raises(NotApplicable, match="a copy of it cannot be trained \\(ZeroDivisionError"):
        one_batch(start, *batch)
    assert _same(_random_state(), state)


def test_a_trial_ends_when_its_time_is_over(batch, batches):
    start = Start.of(_trainer(_network(), lr=1e-6))
    assert one_batch(start, *batch, steps=100, seconds=0).steps == 1
    with pytest.raises(NotApplicable, match="too many seconds"):
        range_test(start, batches, seconds=0)


def test_a_batch_of_one_class_shows_nothing(batch):
    with pytest.raises(NotApplicable, match="one class"):
        one_batch(Start.of(_trainer(_network())), batch[0], torch.zeros_like(batch[1]))


def test_the_reference_takes_the_smaller_rate_where_the_usual_one_does_not_learn(batch, monkeypatch):
    start = Start.of(_trainer(_network()))
    usual = one_batch(start, *batch, steps=100, reference=True)
    monkeypatch.setattr(trials, "REFERENCE_RATES", (10.0, 1e-3))
    assert one_batch(start, *batch, steps=100, reference=True) == usual and usual.learned
    monkeypatch.setattr(trials, "REFERENCE_RATES", (10.0, 1e-9))
    found = one_batch(start, *batch, steps=20, reference=True)
    assert not found.learned and found.losses[-1] == pytest.approx(found.losses[0], rel=1e-4)


@pytest.mark.parametrize(("reference", "anew"), [(False, False), (True, False), (False, True)])
def test_a_brief_training_is_a_naive_loop_and_a_score_on_other_images(batches, reference, anew):
    network = _network()
    start = Start.of(_trainer(network))
    unseen = list(batches.in_order())[:3]
    found = brief_training(start, batches, unseen, steps=20, reference=reference, anew=anew)
    best = 0.0
    for rate in (1e-3, 2e-4) if reference else (0.05,):
        made = start.trainer(anew=next(batches.epoch(0))[0] if anew else None).network
        optimizer = (
            torch.optim.AdamW(made.parameters(), rate, weight_decay=0.0)
            if reference
            else torch.optim.SGD(made.parameters(), rate, momentum=0.9)
        )
        step = 0
        for epoch in range(9):
            for x, y in batches.epoch(epoch):
                if step < 20:
                    optimizer.zero_grad()
                    cross_entropy(made(x), y).backward()
                    optimizer.step()
                    step += 1
        with torch.no_grad():
            right = torch.cat([made(x).argmax(1) == y for x, y in unseen])
        best = max(best, right.float().mean().item())
    assert found == pytest.approx(best) and found > 0.2


def test_a_brief_training_without_the_time_says_nothing(batches):
    with pytest.raises(NotApplicable, match="too many seconds"):
        brief_training(Start.of(_trainer(_network())), batches, [next(batches.epoch(0))], seconds=0.0)


def test_a_brief_training_that_diverges_has_a_score(batches):
    start = Start.of(_trainer(_network(), lr=1e30))
    assert brief_training(start, batches, [next(batches.epoch(0))]) <= 0.4


class _Given(nn.Module):
    """Logits are a table with a row per image."""

    def __init__(self, images: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(images, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.table[: len(x)]


@pytest.mark.parametrize(
    ("rate", "steps", "seconds", "unfinished"),
    [
        (0.1, 40, 60.0, True),  # on its way
        (0.1, 40, 0.0, True),  # cut off after a step
        (3.0, 400, 60.0, False),  # learned
        (1e-5, 60, 60.0, False),  # stands still, for all that is seen
    ],
)
def test_whether_a_batch_was_still_being_learned(batch, rate, steps, seconds, unfinished):
    """Of a table of logits the loss after t steps of gradient descent is known: log(1 + 9 exp(-z)), the right logit
    lying z above each other one, which grows by rate / n (1 - p) (1 + 1 / 9) in a step, n images being averaged."""
    x, y = batch
    network = _Given(len(y))
    optimizer = torch.optim.SGD(network.parameters(), lr=rate * len(y))
    found = one_batch(Start.of(Trainer(network, optimizer, one_cycle(optimizer, 10), CPU)), x, y, steps, seconds)
    z, losses = 0.0, []
    for _ in range(found.steps):
        losses.append(math.log(1 + 9 * math.exp(-z)))
        z += rate * (1 - math.exp(-losses[-1])) * (1 + 1 / 9)
    assert found.losses == pytest.approx(losses, abs=1e-5) and found.unfinished is unfinished
    assert found.learned is (rate == 3.0)


def test_a_loss_that_only_comes_down_to_that_of_guessing_is_not_being_learned(batch):
    """Outputs that are far off at first, and the same for every image."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    nn.init.zeros_(network[1].weight).requires_grad_(False)
    nn.init.constant_(network[1].bias[:1].data, 20.0)
    optimizer = torch.optim.SGD([network[1].bias], lr=0.5)
    found = one_batch(Start.of(Trainer(network, optimizer, one_cycle(optimizer, 10), CPU)), *batch, steps=60)
    assert found.last_loss < 0.5 * found.first_loss and not found.learned and not found.unfinished
