"""The callback for Lightning gives the numbers of a plain loop, and warns."""

import json

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import cnnlab

lightning = pytest.importorskip("lightning", reason="needs the extra: pip install 'cnnlab[lightning]'")
from lightning.pytorch.loggers.logger import Logger  # noqa: E402

from cnnlab.integrations.lightning import LayerTelemetry  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*")  # Lightning's own advice about workers and progress bars
IMAGES = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(64) % 3


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


class Module(lightning.LightningModule):
    def __init__(self, fill=None):
        super().__init__()
        self.net = network()
        if fill:
            fill(self.net)

    def training_step(self, batch: list[Tensor]) -> Tensor:
        x, y = batch
        return F.cross_entropy(self.net(x), y)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


class Memory(Logger):
    def __init__(self):
        super().__init__()
        self.rows: dict[int, dict[str, float]] = {}

    name, version = "memory", "0"

    def log_metrics(self, metrics, step=None):
        self.rows.setdefault(step, {}).update(metrics)

    def log_hyperparams(self, *arguments, **named): ...


def _fit(module: Module, folder, batches: int = 1, **settings) -> tuple[LayerTelemetry, Memory]:
    """`batches`: of which the gradients are added up."""
    callback, logger = LayerTelemetry(**settings), Memory()
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        callbacks=[callback],
        accumulate_grad_batches=batches,
        logger=logger,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    trainer.fit(module, DataLoader(TensorDataset(IMAGES, LABELS), batch_size=16))
    return callback, logger


def test_every_number_is_that_of_a_plain_loop(tmp_path):
    _, logger = _fit(Module(), tmp_path, every=2, early=False, images=None)
    net = network()
    optimizer, probe, expected = torch.optim.SGD(net.parameters(), lr=0.05), cnnlab.Probe(net), {}
    for step, (x, y) in enumerate(zip(IMAGES.split(16), LABELS.split(16), strict=True)):
        with probe.watch() as seen:
            loss = F.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen["train/loss"] = loss
        expected[step] = probe.read()
    assert sorted(logger.rows) == [0, 2, 3], "every second batch and the last"
    for step, row in logger.rows.items():
        named = {key.replace("_net.", "_"): value for key, value in row.items()}
        assert named == pytest.approx(expected[step], rel=1e-5, abs=1e-9)


def test_steps_and_loss_are_right_where_gradients_are_added_up(tmp_path):
    _, logger = _fit(Module(), tmp_path, batches=2, every=1, images=None)
    assert sorted(logger.rows) == [0, 1], "four batches, two steps"
    net = network()
    second = F.cross_entropy(net(IMAGES[16:32]), LABELS[16:32]).item()  # before the first step
    assert logger.rows[0]["train/loss"] == pytest.approx(second, rel=1e-5)


def test_a_batch_that_is_skipped_has_no_loss(tmp_path):
    class Skips(Module):
        def training_step(self, batch):
            return super().training_step(batch) if batch[0][0, 0, 0, 0] == IMAGES[16, 0, 0, 0] else None

    _, logger = _fit(Skips(), tmp_path, every=1)
    with_loss = [step for step, row in logger.rows.items() if "train/loss" in row]
    assert len(with_loss) == 1 and len(logger.rows) >= 1


def test_the_last_layer_is_measured_although_the_module_itself_is_not_called(tmp_path):
    callback, logger = _fit(Module(), tmp_path)
    assert "preactivation/std/02_net.3" in logger.rows[0] and callback.probe.unmeasured == {}


def test_what_is_wrong_is_a_warning_in_torchs_words(tmp_path):
    def fill(net: nn.Module) -> None:
        for layer in (net[0], net[3]):
            nn.init.constant_(layer.weight, 0.01)
            nn.init.zeros_(layer.bias)

    with pytest.warns(UserWarning, match="cnnlab found:") as caught:
        callback, _ = _fit(Module(fill), tmp_path, every=1)
    assert callback.diagnosis.findings[0].name == "symmetry"
    assert "cnnlab.initialize(network" in json.dumps([str(w.message) for w in caught])


class ByHand(Module):
    """Manual optimization, by several optimizers in each batch."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: list[Tensor]) -> Tensor:
        loss = super().training_step(batch)
        self.manual_backward(loss)
        for optimizer in self.optimizers():
            optimizer.step()
            optimizer.zero_grad()
        return loss

    def configure_optimizers(self):
        return [torch.optim.SGD(part.parameters(), lr=0.05) for part in (self.net[0], self.net[3])]


def test_in_manual_optimization_batches_count_however_many_optimizers_step(tmp_path):
    _, logger = _fit(ByHand(), tmp_path, every=3, early=False)
    assert sorted(step for step, row in logger.rows.items() if "train/loss" in row) == [0, 3]


def test_a_module_without_an_optimizer_is_diagnosed_as_far_as_it_shows(tmp_path):
    class Without(Module):
        def configure_optimizers(self):
            return None

    callback, _ = _fit(Without(), tmp_path, every=1)
    assert "no optimizer takes a step" in str(callback.diagnosis)
