"""Layer statistics: pure functions of tensors, computed on their device without synchronization.

`x: (N, ...)` holds one layer's values for a batch; `weight`, `gradient` and `update` have the weight's shape;
`images` (N, C, H, W) are what the first layer gets, `output` (N, classes) what the network returns. Every function
returns a 0-d tensor. Shares are fractions of 1. Means and deviations are not finite if any element is NaN or
infinite; `nonfinite` counts those elements.

What is slow on a CPU is to write: one pass that reads 200,000 floats takes 13 us, one that also writes them 32. So what
several statistics of a tensor need is `shared`.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from cnnlab.telemetry.sharing import shared

Statistics = Mapping[str, Mapping[str, Callable[..., Tensor]]]  # what -> name -> function


@shared
def mean(x: Tensor) -> Tensor:
    return x.mean()


@shared
def std(x: Tensor) -> Tensor:
    """Population standard deviation over all elements, not per unit or image.

    The squares leave float32 before the values do: 0 below about 1e-23, infinite above about 1e18, where `largest`
    is still exact.
    """
    # torch.var's CPU kernel is a serial Welford; vectorized passes take a fifth of its time.
    found = _std_by_reading(x)
    return (x - mean(x)).square_().mean().sqrt() if found is None else found


def _std_by_reading(x: Tensor) -> Tensor | None:
    """sqrt(E x^2 - (E x)^2), without writing a tensor as large as `x`, which would also drive the training's out of the
    caches. None where this is slower (of a small tensor; on a GPU, where reading the sums waits for it) or loses
    digits: of a large tensor, or if the mean is not small beside the deviation. It is off by at most 1e-5."""
    n = x.numel()
    if x.device.type != "cpu" or not 20_000 <= n <= 1_000_000:
        return None
    middle, length = float(mean(x)), float(_norm(x))
    variance = length * length / n - middle * middle
    return x.new_tensor(math.sqrt(variance)) if middle * middle / 10 < variance < math.inf else None


def largest(x: Tensor) -> Tensor:
    """Largest absolute value."""
    # torch.aminmax takes ten times as long for images in channels_last.
    return torch.maximum(-x.amin(), x.amax())


def nonfinite(x: Tensor) -> Tensor:
    """Number of elements that are NaN or infinite."""
    return (x - x).ne_(0).sum()  # x - x is 0 for a number and NaN for the rest


def zeros(x: Tensor) -> Tensor:
    """Share of elements that are exactly zero: after ReLU, its sparsity."""
    return _zeros_by_unit(x).mean()


def dead(x: Tensor) -> Tensor:
    """Share of units (channels, or outputs of a fully connected layer) that are zero for every image and position."""
    return _share_of(torch.eq, _zeros_by_unit(x), 1.0)


def saturated(x: Tensor, low: float, high: float) -> Tensor:
    """Share of activations within 1 % of the range of a bound, where the slope is nearly zero."""
    return _share_of(torch.gt, (x - (low + high) / 2).abs_(), 0.49 * (high - low))


def weight_std(weight: Tensor, gradient: Tensor, update: Tensor) -> Tensor:
    return std(weight)


def weight_gradient_std(weight: Tensor, gradient: Tensor, update: Tensor) -> Tensor:
    return std(gradient)


def update_ratio(weight: Tensor, gradient: Tensor, update: Tensor) -> Tensor:
    """Norm of one step's update over that of the weights; the rule of thumb is 1e-3. NaN where both are 0."""
    return _norm(update) / _norm(weight)


def distinct(weight: Tensor, gradient: Tensor, update: Tensor) -> Tensor:
    """Norm of the output channels' filters around their mean filter, over that of the weights.

    0 if all channels are equal, so that the layer is effectively one channel wide; about 1 for independent filters;
    NaN if all weights are zero or there is only one channel.
    """
    if len(weight) == 1:
        return weight.new_full((), torch.nan)
    return _norm(weight - weight.mean(0)) / _norm(weight)


def bias_largest(bias: Tensor) -> Tensor:
    """Largest absolute value of a layer's biases."""
    return largest(bias)


def variety(images: Tensor) -> Tensor:
    """Deviation of images (N, C, H, W) from their mean image, over their deviation from their mean value.

    0 if all images are equal, near 1 for images that have little in common; NaN if all values are equal.
    """
    return _norm(images - images.mean(0)) / (std(images) * images.numel() ** 0.5)


def contrast(images: Tensor) -> Tensor:
    """Deviation within images (N, C, H, W), of each channel around its own mean, over their deviation from their mean
    value: 0 if each image has one and the same value everywhere."""
    return _norm(images - images.mean((2, 3), keepdim=True)) / (std(images) * images.numel() ** 0.5)


def constant_channels(images: Tensor) -> Tensor:
    """Share of the channels of images (N, C, H, W) with one and the same value in all images and positions."""
    low, high = torch.aminmax(images.transpose(0, 1).flatten(1), dim=1)
    return (low == high).float().mean()


def lowest(output: Tensor) -> Tensor:
    return output.amin()


def highest(output: Tensor) -> Tensor:
    return output.amax()


def sum_error(output: Tensor) -> Tensor:
    """How far the rows of outputs (N, classes) are from adding up to 1, for the worst image: about 1e-7 behind a
    softmax."""
    return (output.sum(1) - 1).abs().amax()


def spread(output: Tensor) -> Tensor:
    """Deviation of outputs (N, classes) between images, class by class: 0 if they do not depend on the image."""
    return (output - output.mean(0)).square().mean().sqrt()


def favourite(output: Tensor) -> Tensor:
    """Share of the images for which the most often predicted class is predicted. output: (N, classes)."""
    return torch.nn.functional.one_hot(output.argmax(1), output.shape[1]).sum(0).amax() / len(output)


@shared
def _zeros_by_unit(x: Tensor) -> Tensor:
    """Share of exact zeros in each unit: (units,)."""
    zero = torch.eq(x, 0.0, out=torch.empty_like(x))
    return zero.mean([axis for axis in range(x.dim()) if axis != 1])


@shared
def _norm(x: Tensor) -> Tensor:
    """In one pass without a temporary; Tensor.norm dispatches in Python first."""
    if x.numel() > 1_000_000:
        # Filter by filter: one float32 sum over the 103 million weights of a VGG is 1 % too low on the CPU.
        return torch.linalg.vector_norm(torch.linalg.vector_norm(x.flatten(1), dim=1))
    return torch.linalg.vector_norm(x)


def _share_of(comparison: Callable[..., Tensor], x: Tensor, value: float) -> Tensor:
    # Compare into floats: counting booleans takes ten times longer than the comparison on the CPU.
    return comparison(x, value, out=torch.empty_like(x)).mean()


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
        "favourite": favourite,
    },
}
