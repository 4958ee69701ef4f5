"""Saves the network after each epoch."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn
from torch.optim import Optimizer

from cnnlab.datasets.base import ImageSet
from cnnlab.runs import checkpoint
from cnnlab.training.observers.observer import Observer


class Checkpoints(Observer):
    """`last.pt`, and `best.pt` by validation accuracy, with the image shape, classes and normalization."""

    def __init__(self, folder: Path, network: nn.Module, optimizer: Optimizer | None, data: ImageSet):
        self.folder, self.network, self.optimizer, self.data = folder, network, optimizer, data
        self.best = -1.0

    def epoch_done(self, step: int, epoch: int, scores: Mapping[str, float]) -> None:
        accuracy = scores["validation/accuracy"]
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict() if self.optimizer else None,
            "step": step,
            "epoch": epoch,
            "validation/accuracy": accuracy,
            "image_shape": list(self.data.shape),
            "classes": list(self.data.classes),
            "mean": list(self.data.mean),
            "std": list(self.data.std),
        }
        checkpoint.save(self.folder / "last.pt", state)
        if accuracy > self.best:
            self.best = accuracy
            checkpoint.save(self.folder / "best.pt", state)
