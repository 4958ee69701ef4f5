"""Every pooling, one entry each; the names of POOLINGS are those of `model.pool`. Free of torch, as activations.py is.

What is offered has 2x2 windows and stride 2. At an odd border the window is cut and what lies inside counts: the
largest, the mean or the sum of what is there (LPPool2d(1) scales cut windows up, so it is no sum pooling). To add
one, add an entry and its word to the comment of `configs/model/stacked3x3.yaml`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Takes = Literal["max", "mean", "sum"]


@dataclass(frozen=True)
class PoolingType:
    """`takes`: what it makes of the cells of a window; None for what has no word here, and no theory.

    `keeps_input`, `keeps_places`: for the backward pass, the map that goes in, and a place (int64) for each output.
    """

    takes: Callable[[Any], Takes | None]
    keeps_input: bool = True
    keeps_places: bool = False


# By class in torch.nn.
POOLING_TYPES: dict[str, PoolingType] = {
    "MaxPool2d": PoolingType(lambda m: "max", keeps_places=True),
    "AdaptiveMaxPool2d": PoolingType(lambda m: "max", keeps_places=True),
    "AvgPool2d": PoolingType(lambda m: "sum" if m.divisor_override == 1 else None if m.divisor_override else "mean"),
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
