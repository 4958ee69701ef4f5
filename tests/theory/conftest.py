"""Networks measured over seeds by the probe that runs use, and small real images."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.telemetry.probe import Probe

STATISTICS = {
    what: {"square": lambda x: x.double().square().mean(), "std": lambda x: x.double().std(correction=0)}
    for what in ("preactivation", "activation", "gradient")
}


@pytest.fixture(scope="session")
def real_images(real_data: Path, standardized) -> Callable[[str, int], Tensor]:
    """real_images(data set, side): eight real images, reduced to side x side, as the network gets them."""

    def read(data: str, side: int) -> Tensor:
        if data == "mnist":
            raw = real_data / "MNIST" / "raw" / "train-images-idx3-ubyte"
            with raw.open("rb") if raw.exists() else gzip.open(f"{raw}.gz") as file:
                images = np.frombuffer(file.read(16 + 8 * 784), dtype=np.uint8)[16:].reshape(8, 1, 28, 28).copy()
        else:
            folders = sorted((real_data / "cifar10-jpeg" / "train").iterdir())[:8]
            images = np.stack([np.asarray(Image.open(min(f.glob("*.jpg")))).transpose(2, 0, 1) for f in folders])
        return F.interpolate(standardized(torch.tensor(images).float()), size=(side, side), mode="area")

    return read


@pytest.fixture(scope="session")
def measure() -> Callable[..., dict[str, Tensor]]:
    """measure(images, fill, seeds, bias=0.0, **knobs) -> {telemetry's key or `.../square/...`: (seeds,)}."""

    def measure(images: Tensor, fill, seeds: int, bias: float = 0.0, **knobs) -> dict[str, Tensor]:
        network = ConvNet((images.shape[1], images.shape[2], images.shape[3]), 10, **knobs)
        labels = torch.arange(len(images)) % 10
        probe, rows = Probe(network, STATISTICS), []
        for seed in range(seeds):
            initialize(network, fill, bias=bias, seed=seed)
            with probe.watch():
                nn.functional.cross_entropy(network(images), labels).backward()
            rows.append(probe.read())
        return {key: torch.tensor([row[key] for row in rows], dtype=torch.float64) for key in rows[0]}

    return measure
