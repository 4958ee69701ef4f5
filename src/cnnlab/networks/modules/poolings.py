"""Poolings, one entry each; POOLINGS has the names of `model.pool`. Does not import torch, like activations.py.

Windows are 2x2 with stride 2. On maps of odd size the last window is cropped, and max, mean or sum is over the cells
inside (LPPool2d(1) rescales cropped windows, so it is not sum pooling). To add one, add an entry, and its name to
the comment in `configs/model/stacked3x3.yaml`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Takes = Literal["max", "mean", "sum"]


@dataclass(frozen=True)
class PoolingType:
    """`takes`: the reduction over a window; None for any other, which has no theory.

    `keeps_input`, `keeps_places`: saved for backward, the input map, and an index (int64) per output.
    """

    takes: Callable[[Any], Takes | None]
    keeps_input: bool = True
    keeps_places: bool = False


def _of_average(module: Any) -> Takes | None:
    """With a divisor of 1 it is a sum; any other divisor is neither sum nor mean."""
    if module.divisor_override is None:
        return "mean"
    return "sum" if module.divisor_override == 1 else None


# By class in torch.nn.
POOLING_TYPES: dict[str, PoolingType] = {
    "MaxPool2d": PoolingType(lambda m: "max", keeps_places=True),
    "AdaptiveMaxPool2d": PoolingType(lambda m: "max", keeps_places=True),
    "AvgPool2d": PoolingType(_of_average),
    "AdaptiveAvgPool2d": PoolingType(lambda m: "mean"),
}


class Pooling(NamedTuple):
    """`layer`: a class in POOLING_TYPES, made with `arguments`."""

    layer: str
    arguments: Mapping[str, Any]


POOLINGS: dict[str, Pooling] = {
    "max": Pooling("MaxPool2d", {"kernel_size": 2, "ceil_mode": True}),
    "mean": Pooling("AvgPool2d", {"kernel_size": 2, "ceil_mode": True}),
    "sum": Pooling("AvgPool2d", {"kernel_size": 2, "ceil_mode": True, "divisor_override": 1}),
}
