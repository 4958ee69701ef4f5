"""What a measurement is told: where the data lie, how long to measure, with how many threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnlab.cli.build import build_data
from cnnlab.cli.compose import compose_run


@dataclass(frozen=True)
class Settings:
    """`steps`, `rounds`: None is what the part has. `cifar10`: its pictures as files, in place of `root`'s download.
    `folder`: where results and decoded images are kept."""

    root: Path
    cifar10: Path | None
    folder: Path
    threads: int
    device: str = "cpu"
    steps: int | None = None
    rounds: int | None = None

    def of(self, steps: int, rounds: int) -> tuple[int, int]:
        return self.steps or steps, self.rounds or rounds

    def trainer(self, steps: int) -> list[str]:
        return [f"trainer.max_steps={steps}", f"trainer.device={self.device}"]


def dataset(name: str, settings: Settings) -> list[str] | None:
    """Overrides that choose a data set of `root`; None if it is not there: nothing is downloaded."""
    root = settings.root.absolute()
    if name == "mnist" and (root / "MNIST" / "raw").is_dir():
        return ["dataset=mnist", f'dataset.root="{root}"']
    if name == "cifar10" and settings.cifar10 is not None:
        return ["dataset=image_folder", f'dataset.root="{settings.cifar10.absolute()}"']
    if name == "cifar10" and (root / "cifar-10-batches-py").is_dir():
        return ["dataset=cifar10", f'dataset.root="{root}"']
    return ["dataset=digits"] if name == "digits" else None


def missing(name: str, settings: Settings) -> str:
    return f"{name}, which is not in {settings.root}"


def peers_root(name: str, settings: Settings) -> Path:
    """For scripts that read by torchvision alone; pictures are decoded once into an array that it can use."""
    if name != "cifar10" or settings.cifar10 is None:
        return settings.root.absolute()
    path = settings.folder.absolute() / "cifar10.npz"
    if not path.exists():
        data = build_data(compose_run("train", dataset(name, settings) or [])[0].dataset)
        train = (data.train, data.validation)
        arrays = {
            "train_images": _pictures([split.images for split in train]),
            "train_labels": np.concatenate([split.labels.numpy() for split in train]),
            "test_images": _pictures([data.test.images]),
            "test_labels": data.test.labels.numpy(),
        }
        part = path.with_suffix(".part.npz")
        np.savez(part, **arrays)
        part.rename(path)
    return path


def _pictures(images: Sequence) -> np.ndarray:
    """(N, H, W, C), as torchvision has them."""
    return np.concatenate([part.permute(0, 2, 3, 1).numpy() for part in images])
