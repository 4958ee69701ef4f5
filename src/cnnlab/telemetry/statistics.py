"""Layer statistics: pure functions of tensors, computed on their device without synchronization.

`x: (N, ...)` holds one layer's values for a batch; `weight`, `gradient` and `update` have the weight's shape;
`images` (N, C, H, W) are what the first layer gets, `output` (N, classes) what the network returns. Every function
returns a 0-d tensor; one that is `derived` is written as arithmetic with what reductions make of its arguments.
Shares are fractions of 1. Means and deviations are not finite if any element is NaN or infinite; `nonfinite` counts
those elements.

What is slow on a CPU is to write: one pass that reads 200,000 floats takes 13 us, one that also writes them 32.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cnnlab.telemetry.derived import derived, number

Statistics = Mapping[str, Mapping[str, Callable[..., Tensor]]]  # what -> name -> function


class Moments(NamedTuple):
    """Sum and norm of a tensor's elements, and of their deviations from a value close enough to their mean. This and
    the like have numbers of one tensor, or, for the arithmetic, vectors of them."""

    total: Any
    norm: Any
    apart: Any
    spread: Any
    count: Any


def moments(x: Tensor) -> Moments:
    """Deviations from zero need no tensor as large as `x`, which would also drive the training's out of the caches, but
    lose digits of a large tensor, or if the mean is not small beside the deviation. Else `std` is off by at most 1e-5.
    To know that, the numbers are read, for which a GPU would have to wait."""
    n, total, norm = x.numel(), number(x.sum()), number(_norm(x))
    if n <= 1_000_000 and isinstance(total, float) and isinstance(norm, float):
        middle, square = total / n, norm * norm / n
        if middle * middle / 10 < square - middle * middle < math.inf:
            return Moments(total, norm, total, norm, n)
    # torch.var's CPU kernel is a serial Welford; vectorized passes take a fifth of its time.
    spread = _norm(x - total / n)
    return Moments(total, norm, number(torch.zeros_like(spread)), number(spread), n)


class Extremes(NamedTuple):
    low: Any
    high: Any


def extremes(x: Tensor) -> Extremes:
    return Extremes(number(x.amin()), number(x.amax()))  # aminmax takes ten times as long for images in channels_last


class Zeros(NamedTuple):
    """How many elements and units are zero, of how many."""

    zeros: Any
    dead: Any
    count: Any
    units: Any


def zeros_of(x: Tensor) -> Zeros:
    by_unit, count, units = _equal_by_unit(x, 0.0), x.numel(), x.shape[1]
    return Zeros(number(by_unit.sum()), number((by_unit == count // units).sum()), count, units)


@derived(moments)
def mean(x: Moments) -> Tensor:
    return x.total / x.count


@derived(moments)
def std(x: Moments) -> Tensor:
    """Population standard deviation over all elements, not per unit or image.

    The squares leave float32 before the values do: 0 below about 1e-23, infinite above about 1e18, where `largest`
    is still exact.
    """
    count = x.count
    middle, size = x.apart / count, x.spread / count**0.5
    return ((size - middle) * (size + middle)).sqrt()  # sqrt(E x^2 - (E x)^2)


@derived(extremes)
def largest(x: Extremes) -> Tensor:
    """Largest absolute value."""
    return torch.maximum(-x.low, x.high)


def nonfinite(x: Tensor) -> Tensor:
    """Number of elements that are NaN or infinite."""
    return (x - x).ne_(0).sum()  # x - x is 0 for a number and NaN for the rest


@derived(zeros_of)
def zeros(x: Zeros) -> Tensor:
    """Share of elements that are exactly zero: after ReLU, its sparsity."""
    return x.zeros / x.count


@derived(zeros_of)
def dead(x: Zeros) -> Tensor:
    """Share of units (channels, or outputs of a fully connected layer) that are zero for every image and position."""
    return x.dead / x.units


def saturated(x: Tensor, low: float, high: float) -> Tensor:
    """Share of activations within 1 % of the range of a bound, where the slope is nearly zero."""
    middle, edge = (low + high) / 2, 0.49 * (high - low)
    # Compare into floats: counting booleans takes ten times longer than the comparison on the CPU.
    return torch.gt((x - middle).abs_(), edge, out=torch.empty_like(x)).mean()


def _weights(weight: Tensor, gradient: Tensor, update: Tensor) -> Moments:
    return moments(weight)


@derived(_weights)
def weight_std(weight: Moments) -> Tensor:
    return std.combine(weight)


@derived(lambda weight, gradient, update: moments(gradient))
def weight_gradient_std(gradient: Moments) -> Tensor:
    return std.combine(gradient)


@derived(lambda weight, gradient, update: number(_norm(update)), _weights)
def update_ratio(update: Tensor, weight: Moments) -> Tensor:
    """Norm of one step's update over that of the weights; the rule of thumb is 1e-3. NaN where both are 0."""
    return update / weight.norm


class Filters(NamedTuple):
    """Norm of the filters around their mean filter, and how many there are."""

    apart: Any
    count: Any


def _filters(weight: Tensor, gradient: Tensor, update: Tensor) -> Filters:
    return Filters(number(_apart(weight)), len(weight))


@derived(_filters, _weights)
def distinct(filters: Filters, weight: Moments) -> Tensor:
    """Norm of the output channels' filters around their mean filter, over that of the weights.

    0 if all channels are equal, so that the layer is effectively one channel wide; about 1 for independent filters;
    NaN if all weights are zero or there is only one channel.
    """
    return torch.where(filters.count > 1, filters.apart / weight.norm, torch.nan)


@derived(extremes)
def bias_largest(bias: Extremes) -> Tensor:
    """Largest absolute value of a layer's biases."""
    return largest.combine(bias)


@derived(lambda images: number(_apart(images)), moments)
def variety(apart: Tensor, images: Moments) -> Tensor:
    """Deviation of images (N, C, H, W) from their mean image, over their deviation from their mean value.

    0 if all images are equal, near 1 for images that have little in common; NaN if all values are equal.
    """
    return apart / (std.combine(images) * images.count**0.5)


@derived(lambda images: number(_norm(images - images.mean((2, 3), keepdim=True))), moments)
def contrast(within: Tensor, images: Moments) -> Tensor:
    """Deviation within images (N, C, H, W), of each channel around its own mean, over their deviation from their mean
    value: 0 if each image has one and the same value everywhere."""
    return within / (std.combine(images) * images.count**0.5)


def constant_channels(images: Tensor) -> Tensor:
    """Share of the channels of images (N, C, H, W) with one and the same value in all images and positions."""
    same = _equal_by_unit(images, images[:1, :, :1, :1])
    return (same == images[:, 0].numel()).sum() / len(same)


def lowest(output: Tensor) -> Tensor:
    return output.amin()


def highest(output: Tensor) -> Tensor:
    return output.amax()


def sum_error(output: Tensor) -> Tensor:
    """How far the rows of outputs (N, classes) are from adding up to 1, for the worst image: about 1e-7 behind a
    softmax."""
    return (output.sum(1) - 1).abs().amax()


def over_images(output: Tensor) -> Tensor:
    """How far the logarithm of the sum of exp(outputs) (N, classes) over the images is from 0, for the worst class:
    about 1e-6 behind a log-softmax over the batch (dim=0) in place of the classes. A whole batch is needed."""
    return output.logsumexp(0).abs().amax()


def spread(output: Tensor) -> Tensor:
    """Deviation of outputs (N, classes) between images, class by class: 0 if they do not depend on the image."""
    return _apart(output) / output.numel() ** 0.5


def favourite(output: Tensor) -> Tensor:
    """Share of the images for which the most often predicted class is predicted. output: (N, classes)."""
    classes = output.argmax(1)
    return (classes == classes.mode().values).sum() / len(classes)


def _norm(x: Tensor) -> Tensor:
    """In one pass without a temporary; Tensor.norm dispatches in Python first."""
    if x.numel() > 1_000_000:
        # Filter by filter: one float32 sum over the 103 million weights of a VGG is 1 % too low on the CPU.
        return torch.linalg.vector_norm(torch.linalg.vector_norm(x.flatten(1), dim=1))
    return torch.linalg.vector_norm(x)


def _apart(x: Tensor) -> Tensor:
    """Norm of the deviations from the mean of `x[0]`, `x[1]`, ..."""
    # In the order of memory: the mean of a convolution's weights in channels_last takes ten times as long otherwise.
    rows = x.permute(0, *sorted(range(1, x.dim()), key=x.stride, reverse=True)).flatten(1)
    return _norm(rows - rows.mean(0))


def _equal_by_unit(x: Tensor, value: Tensor | float) -> Tensor:
    """Number of elements of each unit that equal `value`: (units,)."""
    # Compare into floats, as in `saturated`.
    equal = torch.eq(x, value, out=torch.empty_like(x))
    return equal.sum([axis for axis in range(x.dim()) if axis != 1])


# The default of `Probe`, the same as `configs/telemetry/full.yaml`.
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
    "bias": {"largest": bias_largest},
    "images": {
        "mean": mean,
        "std": std,
        "largest": largest,
        "variety": variety,
        "contrast": contrast,
        "constant_channels": constant_channels,
    },
    "output": {
        "lowest": lowest,
        "highest": highest,
        "std": std,
        "spread": spread,
        "sum_error": sum_error,
        "over_images": over_images,
        "favourite": favourite,
    },
}
