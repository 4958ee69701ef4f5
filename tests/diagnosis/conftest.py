"""Histories for the rules: written by hand, and recorded from small training runs without Hydra or files."""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnnlab.cli.build import build_statistics
from cnnlab.cli.compose import compose_jobs
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.datasets.base import ImageSet
from cnnlab.datasets.batches import Batches
from cnnlab.diagnosis import Context
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.networks.layers import weight_layers
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.schedule import Schedule
from cnnlab.training.schedules import one_cycle
from cnnlab.training.tally import batch_accuracy, cross_entropy
from cnnlab.training.trainer import Place, Trainer

Row = dict[str, float]
CONTEXT = Context(
    classes=10,
    largest_class_share=0.11,
    learning_rate=0.1,
    activation="relu",
    suited="he",
    initializer="he",
    optimizer="sgd",
    batch_norm=False,
    dropout=0.0,
)
LAYERS = ("01_block1.conv1", "02_block2.conv1", "03_head.fc1", "04_head.logits")
HEALTHY: Mapping[str, tuple[float, ...]] = {
    "preactivation/mean": (0.1, 0.1, 0.1, 0.1),
    "preactivation/std": (1.2, 1.1, 1.3, 1.0),
    "preactivation/largest": (5.0, 5.0, 5.0, 4.0),
    "preactivation/nonfinite": (0.0, 0.0, 0.0, 0.0),
    "activation/dead": (0.0, 0.1, 0.3),
    "activation/largest": (5.0, 5.0, 5.0),
    "activation/nonfinite": (0.0, 0.0, 0.0),
    "gradient/std": (1e-4, 2e-4, 1e-3, 5e-3),
    "gradient/nonfinite": (0.0, 0.0, 0.0, 0.0),
    "weight/std": (0.3, 0.1, 0.05, 0.1),
    "weight/gradient_std": (1e-3, 1e-3, 1e-3, 1e-3),
    "weight/update_ratio": (2e-3, 3e-3, 3e-3, 2e-3),
    "weight/distinct": (0.97, 0.98, 0.99, 0.95),
}


def row(step: int, loss: float = 0.5, accuracy: float = 0.8, **changed: tuple[float, ...]) -> Row:
    """A logged step of a healthy network but for `changed`: `preactivation_std=(1.0, ...)`, one value a layer."""
    values = dict(HEALTHY) | {key.replace("_", "/", 1): given for key, given in changed.items()}
    layers = {f"{key}/{layer}": v for key, given in values.items() for layer, v in zip(LAYERS, given, strict=False)}
    return {"step": step, "epoch": 0, "train/loss": loss, "train/accuracy": accuracy, "optimizer/lr": 0.1, **layers}


def evidence(*rows: Row, **context: Any) -> Evidence:
    return Evidence.read(rows, Context(**(CONTEXT.__dict__ | context)))


FILLS: dict[str, Callable[..., Any]] = {
    "he": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "xavier": nn.init.xavier_normal_,
    "zeros": nn.init.zeros_,
    "constant": partial(nn.init.constant_, val=0.01),
    "normal 0.001": partial(nn.init.normal_, std=0.001),
    "normal 0.5": partial(nn.init.normal_, std=0.5),
}
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True, weight_decay=5e-4),
    "adamw": partial(torch.optim.AdamW, weight_decay=0.01),
}


@cache
def light() -> Any:
    """The default of configs/telemetry, so that what the rules are calibrated on is what runs have."""
    register_resolvers()
    (job,) = compose_jobs("train", ["telemetry=light"]) or []
    return job.telemetry


class Recorder:
    """The trainer's observer: light telemetry into a list."""

    def __init__(self, trainer: Trainer, data: ImageSet, steps: int):
        self.trainer, self.data = trainer, data
        telemetry = light()
        self.probe = Probe(trainer.network, build_statistics(telemetry), telemetry.images)
        self.due = Schedule(telemetry.every, steps, telemetry.early)
        self.history: list[Row] = []

    def watch(self, step: int, gradient_scale: Tensor | None) -> AbstractContextManager[None]:
        return self.probe.watch(gradient_scale)

    def measured(self, step: int, epoch: int, loss: Tensor, logits: Tensor, y: Tensor, lr: float) -> bool:
        values = self.probe.read({"train/loss": loss, "train/accuracy": batch_accuracy(logits, y)})
        self.history.append({"step": step, "epoch": epoch, "optimizer/lr": lr, **values})
        return math.isfinite(values["train/loss"])

    def resting(self, place: Place) -> None:
        pass

    def epoch_done(self, step: int, epoch: int, train: dict[str, float]) -> bool:
        split = self.data.validation
        logits, y = self.trainer.predict(Batches(split, self.data.mean, self.data.std, 512).in_order())
        scores = {"train/epoch_loss": train["loss"], "train/epoch_accuracy": train["accuracy"]}
        scores |= {"validation/loss": cross_entropy(logits, y).item()}
        scores |= {"validation/accuracy": batch_accuracy(logits, y).item()}
        self.history.append({"step": step, "epoch": epoch, **scores})
        return math.isfinite(train["loss"])


def train(
    data: ImageSet,
    init: str = "he",
    steps: int = 120,
    lr: float = 0.02,
    seed: int = 0,
    bias: float = 0.0,
    clip: float | None = None,
    optimizer: str = "sgd",
    **model: Any,
) -> tuple[list[Row], Context]:
    """`model`: the knobs of ConvNet. Optimizers and schedule are the defaults of configs/."""
    torch.manual_seed(seed)
    network = ConvNet(data.shape, len(data.classes), **model)
    initialize(network, FILLS[init], bias=bias, seed=seed)
    made = OPTIMIZERS[optimizer](network.parameters(), lr=lr)
    trainer = Trainer(network, made, one_cycle(made, steps), torch.device("cpu"), clip=clip)
    recorder = Recorder(trainer, data, steps)
    trainer.fit(Batches(data.train, data.mean, data.std, 64, seed=seed), steps, recorder)
    context = Context(
        classes=len(data.classes),
        largest_class_share=data.train.labels.bincount().max().item() / len(data.train),
        learning_rate=lr,
        activation=model.get("activation", "relu"),
        suited=ACTIVATIONS[model.get("activation", "relu")].initializer,
        initializer=init.split()[0],
        optimizer=optimizer,
        batch_norm=model.get("norm") == "batch",
        dropout=model.get("dropout", 0.0),
        bias=bias,
        fan_in={
            layer: weight[0].numel() for layer, module in weight_layers(network).items() for weight in [module.weight]
        },
    )
    return recorder.history, context


# Tests get these by name, since a folder of tests is no package to import from.
make_row = pytest.fixture(scope="session", name="row")(lambda: row)
make_evidence = pytest.fixture(scope="session", name="evidence")(lambda: evidence)
make_training = pytest.fixture(scope="session", name="train")(lambda: train)
