"""What a run folder records about its network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TrainedRun:
    """`config`: the settings used, nested. The rest describes the input and output: `image_shape` (C, H, W), class
    names, mean and std per channel of images scaled to 0..1, `look`, the `datasets.look.ranges` of the training images,
    and `top`, what was white in 16-bit greyscale files; none in runs of older versions."""

    config: Mapping[str, Any]
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    look: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    top: int | None = None
