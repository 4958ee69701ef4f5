"""Copies that begin where the run began, of networks and optimizers of every kind."""

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from cnnlab.common.errors import NotApplicable
from cnnlab.training.copies import Start
from cnnlab.training.schedules import one_cycle
from cnnlab.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    return torch.randn(8, 1, 4, 4), torch.arange(8) % 3


def _network(*, dropout: float = 0.0) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(dropout), nn.Linear(16, 3)
    )


def _trainer(network: nn.Module, make=torch.optim.SGD, lr: float = 0.1, **settings) -> Trainer:
    optimizer: Optimizer = make(network.parameters(), lr=lr)
    return Trainer(network, optimizer, one_cycle(optimizer, 10), CPU, **settings)


def _losses(trainer: Trainer, batch, steps: int = 3) -> list[float]:
    torch.manual_seed(1)
    trainer.network.train()
    return [trainer.step(*batch, trainer.network)[0].item() for _ in range(steps)]


def test_buffers_that_are_not_saved_begin_anew_as_well(batch):
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 3)
            self.register_buffer("seen", torch.zeros(()), persistent=False)

        def forward(self, x):
            self.seen += 1
            return self.fc(x.flatten(1)) * self.seen

    trainer = _trainer(Counting())
    start = Start.of(trainer)
    first = _losses(start.trainer(), batch)
    trainer.step(*batch, trainer.network)
    assert _losses(start.trainer(), batch) == first and trainer.network.seen == 1


class WithTensor(nn.Linear):
    """torch cannot copy a tensor that was computed from weights."""

    def __init__(self):
        super().__init__(16, 3)
        self.computed = self.weight * 2

    def forward(self, x):
        return super().forward(x.flatten(1))


class Needy(torch.optim.SGD):
    """An optimizer with an attribute that refers to its parameters, and a state before the first step."""

    def __init__(self, params, lr, needed):
        super().__init__(params, lr=lr)
        self.needed, self.first = needed, self.param_groups[0]["params"][0]

    def step(self, closure=None):
        self.first.data.mul_(self.needed)
        return super().step(closure)


def test_what_cannot_be_copied_is_told_and_raises_nothing_else(batch):
    with pytest.raises(NotApplicable, match="it cannot be copied \\(RuntimeError: Only Tensors created explicitly"):
        Start.of(_trainer(WithTensor())).trainer()
    with pytest.raises(NotApplicable, match="the run takes no step, so it has no optimizer"):
        Start.of(Trainer(_network(), None, None, CPU)).trainer()
    assert Start.of(Trainer(_network(), None, None, CPU)).trainer(reference=True).optimizer is not None


def test_an_optimizer_of_ones_own_keeps_its_attributes_and_refers_to_the_copy(batch):
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    optimizer = Needy(network.parameters(), lr=0.1, needed=0.5)
    trainer = Trainer(network, optimizer, one_cycle(optimizer, 10), CPU)
    tried = Start.of(trainer).trainer()
    assert isinstance(tried.optimizer, Needy) and tried.optimizer.first is tried.network[1].weight
    before = network[1].weight.clone()
    tried.step(*batch, tried.network)
    assert torch.equal(network[1].weight, before) and not torch.equal(tried.network[1].weight, before)


@pytest.mark.parametrize("make", [torch.optim.Adagrad, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.ASGD])
def test_a_copy_begins_where_the_run_began_however_far_that_is(batch, make):
    trainer = _trainer(_network(dropout=0.5), make)  # Adagrad has a state before its first step
    start = Start.of(trainer)
    first = _losses(start.trainer(), batch)
    assert len(set(first)) == 3
    for _ in range(5):
        trainer.step(*batch, trainer.network)
    assert _losses(start.trainer(), batch) == first


def test_a_copy_keeps_the_peak_of_each_group_throughout():
    network = _network()
    groups = [{"params": [network[0].weight], "lr": 0.2}, {"params": [network[5].weight], "lr": 0.01}]
    torchs = torch.optim.lr_scheduler
    for schedule in (
        one_cycle,
        lambda o, n: torchs.OneCycleLR(o, [0.2, 0.01], total_steps=n),
        lambda o, n: torchs.CyclicLR(o, [0.2 / 25, 0.001], [0.2, 0.01], step_size_up=n),
    ):
        optimizer = torch.optim.SGD(groups, momentum=0.9)
        trainer = Trainer(network, optimizer, schedule(optimizer, 10), CPU)
        tried = Start.of(trainer).trainer()
        assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.2 / 25)
        for _ in range(3):
            tried.step(torch.randn(4, 1, 4, 4), torch.arange(4) % 3, tried.network)
            assert [group["lr"] for group in tried.optimizer.param_groups] == [0.2, 0.01]


def test_another_rate_scales_those_of_all_groups():
    network = _network()
    groups = [{"params": [network[0].weight], "lr": 0.2}, {"params": [network[5].weight], "lr": 0.05}]
    optimizer = torch.optim.SGD(groups)
    start = Start.of(Trainer(network, optimizer, one_cycle(optimizer, 10), CPU))
    assert start.rate == 0.2
    tried = start.trainer(rate=0.01)
    tried.step(torch.randn(4, 1, 4, 4), torch.arange(4) % 3, tried.network)
    assert [group["lr"] for group in tried.optimizer.param_groups] == pytest.approx([0.01, 0.0025])
    with pytest.raises(NotApplicable, match="its learning rate is 0"):
        Start.of(_trainer(network, lr=0.0)).trainer(rate=0.01)
    assert Start.of(Trainer(network, None, None, CPU)).rate is None


def test_the_rate_may_be_a_tensor():
    network = _network()
    optimizer = torch.optim.Adam(network.parameters(), lr=torch.tensor(0.01))
    copied = Start.of(Trainer(network, optimizer, one_cycle(optimizer, 10), CPU)).trainer().optimizer
    assert copied.param_groups[0]["lr"].item() == pytest.approx(0.01)
    assert optimizer.param_groups[0]["lr"].item() == pytest.approx(0.01 / 25)


def test_settings_are_the_runs_own_unless_changed_and_the_reference_has_none(batch):
    start = Start.of(_trainer(_network(dropout=0.3), clip=0.5, label_smoothing=0.2, precision="bf16"))
    own, reference, changed = start.trainer(), start.trainer(reference=True), start.trainer(clip=2.0)
    assert (own.clip, own.label_smoothing, own.precision, changed.clip) == (0.5, 0.2, "bf16", 2.0)
    assert (reference.clip, reference.label_smoothing, reference.precision) == (None, 0.0, "fp32")
    assert isinstance(reference.optimizer, torch.optim.AdamW)
    assert {group["weight_decay"] for group in reference.optimizer.param_groups} == {0.0}
    x = torch.randn(4, 1, 4, 4)
    for trainer, random in ((own, True), (reference, False)):
        trainer.network.train()
        assert torch.equal(trainer.network(x), trainer.network(x)) is not random


def test_tied_and_frozen_weights_stay_so(batch):
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10))
    network[2].weight = network[1].weight
    network[3].bias.requires_grad_(False)
    copied = Start.of(_trainer(network)).trainer(reference=True).network
    assert copied[2].weight is copied[1].weight is not network[1].weight and not copied[3].bias.requires_grad


def test_weights_drawn_anew_give_unit_variance_and_leave_the_run_alone(batch):
    network = _network()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
            nn.init.zeros_(module.weight)
            nn.init.constant_(module.bias, -7.0)
    start = Start.of(_trainer(network))
    made = start.trainer(anew=batch[0]).network.train()
    assert made(batch[0]).var().item() == pytest.approx(1, abs=0.02), "in training, where batch norm acts"
    assert torch.equal(made[1].weight, torch.ones(4)) and not made[0].bias.any()
    assert not network[0].weight.any()
    assert torch.equal(made[0].weight, start.trainer(anew=batch[0]).network[0].weight)  # always the same


def test_what_is_frozen_is_not_drawn_anew(batch):
    network = _network()
    network[0].requires_grad_(False)
    made = Start.of(_trainer(network)).trainer(anew=batch[0]).network
    assert torch.equal(made[0].weight, network[0].weight) and not torch.equal(made[5].weight, network[5].weight)
