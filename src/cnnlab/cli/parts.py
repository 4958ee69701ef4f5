"""What a run is made of, as before its first step; made once, by the check before the run, which hands it over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.cli.build import build_data, build_network, construct
from cnnlab.common.random import random_state
from cnnlab.datasets.base import ImageSet, image_set
from cnnlab.datasets.batches import Batches


@dataclass(frozen=True)
class Parts:
    """`first`: the images (N, C, H, W) of the first batch, normalized, on the CPU. `network`: initialized, on the CPU.
    `steps`: how many the config asks for. `random`: the states of the global generators behind all this."""

    data: ImageSet
    batches: Batches
    steps: int
    first: Tensor
    network: nn.Module
    random: Mapping[str, Any]


def make_parts(config: Any, device: torch.device, data: ImageSet | None = None) -> Parts:
    """The parts of a `python -m cnnlab.train` config. `data`: its images, if they were read already."""
    data = build_data(config.dataset) if data is None else image_set("data", data)
    batches, steps = _batches(config, data, device)
    first = next(iter(batches.epoch(0)))[0].cpu()
    network = build_network(config, data, first)
    return Parts(data, batches, steps, first, network, random_state(device))


def _batches(config: Any, data: ImageSet, device: torch.device) -> tuple[Batches, int]:
    """The training batches, and the number of steps that the config asks for."""
    settings = config.trainer
    batches = Batches(
        data.train,
        data.mean,
        data.std,
        settings.batch_size,
        device,
        seed=config.seed,
        augment=construct("augmentation", config.augmentation),
        resident=settings.resident,
    )
    return batches, settings.epochs * len(batches) if settings.max_steps is None else settings.max_steps
