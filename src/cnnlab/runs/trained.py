"""What a run folder says of its network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TrainedRun:
    """`config`: the settings that were used, nested. The rest is what images have to be for this network: (C, H, W),
    and mean and std of each channel scaled to 0..1."""

    config: Mapping[str, Any]
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
