"""What is measured in a layer: pure functions of plain tensors, computed where the tensor lies.

`x: (N, ...)` holds one layer's values for a batch, `weight`, `gradient` and `update` have the weight's shape.
Every function returns a 0-d tensor and never waits for the device. Shares are fractions of 1. Means and
deviations of a tensor that holds NaN or infinity are not finite; `nonfinite` counts the culprits.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Statistics = Mapping[str, Mapping[str, Callable[..., Tensor]]]  # what -> name -> function


def mean(x: Tensor) -> Tensor:
    return x.mean()


def std(x: Tensor) -> Tensor:
    """Standard deviation over all elements (divided by n), not over a unit or an image.

    The squares leave float32 before the values do: 0 below about 1e-23, infinite above about 1e18. `largest` holds.
    """
    # torch.var's CPU kernel is a serial Welford; two vectorized passes take a fifth of its time.
    return (x - x.mean()).square_().mean().sqrt()


def largest(x: Tensor) -> Tensor:
    """Largest absolute value."""
    low, high = torch.aminmax(x)
    return torch.maximum(-low, high)


def nonfinite(x: Tensor) -> Tensor:
    """How many elements are NaN or infinite."""
    return (x - x).ne_(0).sum()  # x - x is 0 for a number and NaN for the rest


def zeros(x: Tensor) -> Tensor:
    """Share of elements that are exactly zero: after ReLU, what was cut."""
    return _share_of(torch.eq, x, 0.0)


def dead(x: Tensor) -> Tensor:
    """Share of units (channels, or outputs of a fully connected layer) that are zero for every image and position."""
    sizes = x.abs().flatten(2).amax(2) if x.dim() > 2 else x.abs()
    return _share_of(torch.eq, sizes.amax(0), 0.0)


def saturated(x: Tensor, low: float, high: float) -> Tensor:
    """Share of activations within 1 % of their range from one of its bounds, where the slope is nearly zero."""
    return _share_of(torch.gt, (x - (low + high) / 2).abs_(), 0.49 * (high - low))


def weight_std(weight: Tensor, gradient: Tensor, update: Tensor) -> Tensor:
    return std(weight)


def weight_gradient_std(weight: Tensor, gradient: Tensor, update: Tensor) -> Tensor:
    return std(gradient)


def update_ratio(weight: Tensor, gradient: Tensor, update: Tensor) -> Tensor:
    """Length of one step's update over that of the weights; 1e-3 is the usual rule of thumb. NaN where both are 0."""
    return _norm(update) / _norm(weight)


def distinct(weight: Tensor, gradient: Tensor, update: Tensor) -> Tensor:
    """How far the output channels' filters lie from their mean filter, over the size of the weights (both rms).

    0 where all channels are equal, so that the layer is one channel wide; about 1 for independent filters;
    NaN where all weights are zero, or where there is one channel, which equals none.
    """
    filters = weight.flatten(1)
    if len(filters) == 1:
        return filters.new_full((), torch.nan)
    return _norm(filters - filters.mean(0)) / _norm(filters)


_norm = torch.linalg.vector_norm  # one pass without a temporary; Tensor.norm dispatches in Python first


def _share_of(comparison: Callable[..., Tensor], x: Tensor, value: float) -> Tensor:
    # Straight into floats: counting booleans takes the CPU ten times longer than the comparison itself.
    return comparison(x, value, out=torch.empty_like(x)).mean()


# What a probe measures unless told otherwise, the same as `configs/telemetry/full.yaml`.
STATISTICS: Statistics = {
    "preactivation": {"mean": mean, "std": std, "largest": largest, "nonfinite": nonfinite},
    "activation": {
        "mean": mean,
        "std": std,
        "zeros": zeros,
        "dead": dead,
        "largest": largest,
        "nonfinite": nonfinite,
    },
    "saturation": {"share": saturated},
    "gradient": {"mean": mean, "std": std, "nonfinite": nonfinite},
    "weight": {
        "std": weight_std,
        "gradient_std": weight_gradient_std,
        "update_ratio": update_ratio,
        "distinct": distinct,
    },
}
