"""Measured on the trained network: accuracy on transformed test images; the first layer's filters, by name and
roughness, the latter also before training."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from cnnlab.datasets.base import ImageSet
from cnnlab.evaluation.invariance import curves
from cnnlab.networks.filters import filter_results, name_filters, roughness
from cnnlab.telemetry.tensorboard import Dashboard
from cnnlab.training.observers.observer import Observer
from cnnlab.training.tally import scores_of
from cnnlab.training.trainer import Trainer, autocast

Evaluation = Callable[..., dict[str, float]]  # network, test split, mean, std


class Afterwards(Observer):
    """Runs `evaluation` on the test images in the training precision; writes results, and curves to TensorBoard."""

    def __init__(self, trainer: Trainer, data: ImageSet, dashboard: Dashboard, evaluation: Evaluation | None):
        self.trainer, self.data, self.dashboard, self.evaluation = trainer, data, dashboard, evaluation
        self.found: dict[str, Any] = {**roughness(trainer.network, "init")}  # observers are made before the first step

    def tested(self, step: int, logits: Tensor, labels: Tensor) -> None:
        if self.evaluation is not None:
            # The precision of test/accuracy, for comparison.
            with autocast(self.trainer.precision, self.trainer.device):
                self.found |= self.evaluation(self.trainer.network, self.data.test, self.data.mean, self.data.std)
        for tag, amount, value in curves(self.found | scores_of("test", logits, labels)):
            self.dashboard.scalars(amount, {tag: value})
        self.found |= filter_results(name_filters(self.trainer.network))
        self.found |= roughness(self.trainer.network, "end")

    def results(self, step: int) -> Mapping[str, Any]:
        return self.found
