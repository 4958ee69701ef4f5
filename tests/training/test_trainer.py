"""The loop against a loop by hand, bit for bit, in every number format; and what observing may not change."""

from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F
from torch.optim import LBFGS
from torch.optim.lr_scheduler import ReduceLROnPlateau

from cnnlab.common.errors import InputError
from cnnlab.datasets.augmentation import Augmentation
from cnnlab.datasets.batches import Batches
from cnnlab.datasets.digits import digits
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.telemetry.probe import Probe
from cnnlab.training.clock import StepClock
from cnnlab.training.schedules import constant, one_cycle
from cnnlab.training.trainer import Place, Trainer

CPU = torch.device("cpu")


class Watcher:
    """An observer that keeps the loss of every step and, with a probe, measures some of them."""

    def __init__(self, probe: Probe | None = None, every: int = 3):
        self.probe, self.every, self.values, self.epochs = probe, every, {}, []

    def due(self, step):
        return self.probe is not None and step % self.every == 0

    @contextmanager
    def watch(self, step, gradient_scale):
        with self.probe.watch(gradient_scale):
            yield

    def measured(self, step, epoch, loss, logits, y, lr):
        self.values[step] = self.probe.read({"train/loss": loss})
        return True

    def resting(self, place): ...

    def epoch_done(self, step, epoch, train):
        self.epochs.append((step, epoch, train))
        return True


def _network(**knobs) -> ConvNet:
    network = ConvNet((1, 16, 16), 10, **{"channels": [4, 8], "head": [16], **knobs})
    initialize(network, torch.nn.init.kaiming_normal_)
    return network


def _batches() -> Batches:
    data = digits(size=16)
    return Batches(data.train, data.mean, data.std, 64, CPU, seed=1)


def _fit(network, steps=30, probe=None, **settings):
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    watcher = Watcher(probe)
    trainer = Trainer(network, optimizer, one_cycle(optimizer, steps), CPU, **settings)
    torch.manual_seed(5)
    trainer.fit(_batches(), steps, watcher)
    return watcher, trainer


def _weights(network) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_it_is_the_loop_that_one_would_write_by_hand():
    by_hand, steps = _network(), 45
    optimizer = torch.optim.SGD(by_hand.parameters(), 0.05, momentum=0.9)
    schedule = one_cycle(optimizer, steps)
    for step, (x, y) in enumerate([*_batches().epoch(0), *_batches().epoch(1), *_batches().epoch(2)]):
        if step == steps:
            break
        loss = F.cross_entropy(by_hand(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network = _network()
    watcher, _ = _fit(network, steps)
    assert torch.equal(_weights(network), _weights(by_hand))
    assert [(step, epoch) for step, epoch, _ in watcher.epochs] == [(20, 0), (40, 1), (45, 2)]


@pytest.mark.parametrize("stop", [1, 20, 33, 45])
def test_it_goes_on_from_a_place(stop):
    """The epoch that was begun is one, in its end as in its order."""

    class Stop(Watcher):
        def resting(self, place):
            if place.step == stop:
                raise KeyboardInterrupt

    whole, _ = _fit(_network(), 45)
    network, place, stopped = _network(), Place(), Stop()
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    trainer = Trainer(network, optimizer, one_cycle(optimizer, 45), torch.device("cpu"))
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(_batches(), 45, stopped, place)
    assert (place.step, place.epoch, place.within) == (stop, (stop - 1) // 20, (stop - 1) % 20 + 1)
    rest = Watcher()
    trainer.fit(_batches(), 45, rest, place)
    assert [*stopped.epochs, *rest.epochs] == whole.epochs


def test_an_epoch_that_was_cut_off_goes_on_with_more_steps():
    """The images of an epoch are all trained on; its scores at the cut are taken once, and its mean is of all steps."""

    def trained(*lengths):
        network, place, watcher = _network(), Place(), Watcher()
        optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
        trainer = Trainer(network, optimizer, constant(optimizer, 45), CPU)
        for steps in lengths:
            trainer.fit(_batches(), steps, watcher, place)
        return network, place, watcher.epochs

    network, place, epochs = trained(45)
    again, other, more = trained(25, 25, 33, 45)
    assert torch.equal(_weights(network), _weights(again))
    assert (place.epoch, place.within) == (other.epoch, other.within) == (2, 5)
    assert [each for each in more if each[0] not in (25, 33)] == epochs
    assert [(step, epoch) for step, epoch, _ in more] == [(20, 0), (25, 1), (33, 1), (40, 1), (45, 2)]


def test_telemetry_changes_no_bit():
    with_probe, without = _network(dropout=0.2, norm="batch"), _network(dropout=0.2, norm="batch")
    seen, _ = _fit(with_probe, probe=Probe(with_probe))
    blind, _ = _fit(without)
    assert torch.equal(_weights(with_probe), _weights(without))
    assert [e[2] for e in seen.epochs] == [e[2] for e in blind.epochs]


def test_it_learns():
    watcher, trainer = _fit(_network(channels=[8, 16]), steps=160)
    assert watcher.epochs[-1][2]["accuracy"] > 0.9
    logits, labels = trainer.predict(_batches().in_order())
    assert (logits.argmax(1) == labels).float().mean() > 0.9


def test_clipping_bounds_the_gradient_that_the_update_uses():
    norms = []
    network = _network()
    real = torch.optim.SGD.step

    class Spy(torch.optim.SGD):
        def step(self, *args):
            norms.append(torch.cat([p.grad.flatten() for p in network.parameters()]).norm().item())
            return real(self, *args)

    optimizer = Spy(network.parameters(), 0.05)
    Trainer(network, optimizer, one_cycle(optimizer, 5), CPU, clip=0.1).fit(_batches(), 5, Watcher())
    assert max(norms) == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("precision, tolerance", [("bf16", 0.05), ("fp16", 0.02)])
def test_statistics_in_half_precision_are_those_of_fp32(precision, tolerance):
    """Means over thousands of values agree far better than one value does: 8 bits of mantissa are 0.4 %."""
    values = {}
    for name in ("fp32", precision):
        network = _network()
        watcher, _ = _fit(network, steps=1, probe=Probe(network), precision=name)
        values[name] = {k: v for k, v in watcher.values[0].items() if "/std/" in k or "gradient_std" in k}
    assert len(values["fp32"]) > 15
    assert values[precision] == pytest.approx(values["fp32"], rel=tolerance)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_precision_learns(precision):
    watcher, _ = _fit(_network(), steps=60, precision=precision)
    assert watcher.epochs[-1][2]["loss"] < 1.5


@pytest.mark.parametrize("channels_last", [False, True])
def test_the_memory_layout_does_not_change_what_is_learned(channels_last):
    network, other = _network(), _network()
    # Few steps: the layouts round differently, by how much depends on the processor, and training amplifies it.
    _fit(network, steps=10, channels_last=channels_last)
    _fit(other, steps=10)
    torch.testing.assert_close(_weights(network), _weights(other), rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_compiled_network_is_measured_all_the_same():
    network, plain = _network(), _network()
    compiled, _ = _fit(network, steps=10, probe=Probe(network), compile=True)
    eager, _ = _fit(plain, steps=10, probe=Probe(plain))
    assert compiled.values.keys() == eager.values.keys()
    for step, values in eager.values.items():
        kept = {k: v for k, v in values.items() if "/std/" in k}
        assert {k: compiled.values[step][k] for k in kept} == pytest.approx(kept, rel=1e-3)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_step_that_is_not_measured_never_waits_for_the_gpu(precision):
    """PyTorch raises where the host would wait. 150 steps within an epoch, so that the tally is summed twice."""
    gpu, steps, every = torch.device("cuda"), 150, 10
    data = digits(size=16)
    batches = Batches(data.train, data.mean, data.std, 8, gpu, seed=1, augment=Augmentation(flip=True, translate=1))
    assert len(batches) > steps
    network = _network(norm="batch").to(gpu)
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    trainer = Trainer(network, optimizer, one_cycle(optimizer, steps), gpu, precision)
    loop = trainer.each_step(batches, steps, Watcher(Probe(network), every), StepClock(gpu))
    next(loop)  # loads kernels
    checked = 0
    for step in range(1, steps - 1):
        torch.cuda.set_sync_debug_mode("default" if step % every == 0 else "error")
        try:
            next(loop)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        checked += step % every != 0
    assert checked > 130


@pytest.mark.parametrize("part", ["optimizer", "scheduler"])
def test_what_needs_more_than_a_step_is_told_before_the_first(part):
    network = _network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    scheduler = constant(optimizer, 0)  # which replaces the optimizer's step
    given = {"optimizer": optimizer, "scheduler": scheduler}
    Trainer(network, **given, device=torch.device("cpu"))
    given[part] = LBFGS(network.parameters()) if part == "optimizer" else ReduceLROnPlateau(optimizer)
    with pytest.raises(InputError, match=f"{type(given[part]).__name__}.step.. cannot be called alone"):
        Trainer(network, **given, device=torch.device("cpu"))
