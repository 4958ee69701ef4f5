"""Layer statistics: pure functions of tensors, computed on their device without synchronization.

`x: (N, ...)` holds one layer's values for a batch; `weight`, `gradient` and `update` have the weight's shape;
`images` (N, C, H, W) are what the first layer gets, `output` (N, classes) what the network returns. Every function
returns a 0-d tensor; one that is `derived` is written as arithmetic with what reductions make of its arguments.
Shares are fractions of 1. Means and deviations are not finite if any element is NaN or infinite; `nonfinite` counts
those elements.

What is slow on a CPU is to write: one pass that reads 200,000 floats takes 13 us, one that also writes them 32. So what
several statistics of a tensor need is `shared`.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from cnnlab.telemetry.derived import Number, derived, number
from cnnlab.telemetry.sharing import shared

Statistics = Mapping[str, Mapping[str, Callable[..., Tensor]]]  # what -> name -> function


@derived(lambda x: (_total(x), x.numel()))
def mean(total: Tensor, count: Tensor) -> Tensor:
    return total / count


@derived(lambda x: (*_deviations(x), x.numel()))
def std(total: Tensor, length: Tensor, count: Tensor) -> Tensor:
    """Population standard deviation over all elements, not per unit or image.

    The squares leave float32 before the values do: 0 below about 1e-23, infinite above about 1e18, where `largest`
    is still exact.
    """
    middle, size = total / count, length / count**0.5
    return ((size - middle) * (size + middle)).sqrt()  # sqrt(E x^2 - (E x)^2)


@derived(
    lambda x: (number(x.amin()), number(x.amax()))
)  # torch.aminmax takes ten times as long for images in channels_last
def largest(low: Tensor, high: Tensor) -> Tensor:
    """Largest absolute value."""
    return torch.maximum(-low, high)


def nonfinite(x: Tensor) -> Tensor:
    """Number of elements that are NaN or infinite."""
    return (x - x).ne_(0).sum()  # x - x is 0 for a number and NaN for the rest


@derived(lambda x: (number(_zeros_by_unit(x).sum()), x.numel()))
def zeros(zeros: Tensor, count: Tensor) -> Tensor:
    """Share of elements that are exactly zero: after ReLU, its sparsity."""
    return zeros / count


@derived(lambda x: (number((_zeros_by_unit(x) == x.numel() // x.shape[1]).sum()), x.shape[1]))
def dead(dead: Tensor, units: Tensor) -> Tensor:
    """Share of units (channels, or outputs of a fully connected layer) that are zero for every image and position."""
    return dead / units


def saturated(x: Tensor, low: float, high: float) -> Tensor:
    """Share of activations within 1 % of the range of a bound, where the slope is nearly zero."""
    middle, edge = (low + high) / 2, 0.49 * (high - low)
    # Compare into floats: counting booleans takes ten times longer than the comparison on the CPU.
    return torch.gt((x - middle).abs_(), edge, out=torch.empty_like(x)).mean()


@std.of
def weight_std(weight: Tensor, gradient: Tensor, update: Tensor) -> Tensor:
    return weight


@std.of
def weight_gradient_std(weight: Tensor, gradient: Tensor, update: Tensor) -> Tensor:
    return gradient


@derived(lambda weight, gradient, update: (_norm(update), _norm(weight)))
def update_ratio(update: Tensor, weight: Tensor) -> Tensor:
    """Norm of one step's update over that of the weights; the rule of thumb is 1e-3. NaN where both are 0."""
    return update / weight


@derived(lambda weight, gradient, update: (_apart(weight), _norm(weight), len(weight)))
def distinct(apart: Tensor, whole: Tensor, channels: Tensor) -> Tensor:
    """Norm of the output channels' filters around their mean filter, over that of the weights.

    0 if all channels are equal, so that the layer is effectively one channel wide; about 1 for independent filters;
    NaN if all weights are zero or there is only one channel.
    """
    return torch.where(channels > 1, apart / whole, torch.nan)


@largest.of
def bias_largest(bias: Tensor) -> Tensor:
    """Largest absolute value of a layer's biases."""
    return bias


@derived(lambda images: (_apart(images), *_deviations(images), images.numel()))
def variety(apart: Tensor, *deviations: Tensor) -> Tensor:
    """Deviation of images (N, C, H, W) from their mean image, over their deviation from their mean value.

    0 if all images are equal, near 1 for images that have little in common; NaN if all values are equal.
    """
    return apart / (std.combine(*deviations) * deviations[-1] ** 0.5)


@derived(lambda images: (_within(images), *_deviations(images), images.numel()))
def contrast(within: Tensor, *deviations: Tensor) -> Tensor:
    """Deviation within images (N, C, H, W), of each channel around its own mean, over their deviation from their mean
    value: 0 if each image has one and the same value everywhere."""
    return within / (std.combine(*deviations) * deviations[-1] ** 0.5)


@derived(lambda images: (number((_firsts(images) == images[:, 0].numel()).sum()), images.shape[1]))
def constant_channels(constant: Tensor, channels: Tensor) -> Tensor:
    """Share of the channels of images (N, C, H, W) with one and the same value in all images and positions."""
    return constant / channels


def lowest(output: Tensor) -> Tensor:
    return output.amin()


def highest(output: Tensor) -> Tensor:
    return output.amax()


def sum_error(output: Tensor) -> Tensor:
    """How far the rows of outputs (N, classes) are from adding up to 1, for the worst image: about 1e-7 behind a
    softmax."""
    return (output.sum(1) - 1).abs().amax()


@derived(lambda output: (_apart(output), output.numel()))
def spread(apart: Tensor, count: Tensor) -> Tensor:
    """Deviation of outputs (N, classes) between images, class by class: 0 if they do not depend on the image."""
    return apart / count**0.5


@derived(lambda output: (_favoured(output.argmax(1)), len(output)))
def favourite(favoured: Tensor, count: Tensor) -> Tensor:
    """Share of the images for which the most often predicted class is predicted. output: (N, classes)."""
    return favoured / count


@shared
def _total(x: Tensor) -> Number:
    return number(x.sum())


@shared
def _norm(x: Tensor) -> Number:
    return number(_length(x))


def _length(x: Tensor) -> Tensor:
    """In one pass without a temporary; Tensor.norm dispatches in Python first."""
    if x.numel() > 1_000_000:
        # Filter by filter: one float32 sum over the 103 million weights of a VGG is 1 % too low on the CPU.
        return torch.linalg.vector_norm(torch.linalg.vector_norm(x.flatten(1), dim=1))
    return torch.linalg.vector_norm(x)


@shared
def _deviations(x: Tensor) -> tuple[Number, Number]:
    """Sum and norm, for `std`: of `x`, or of its deviations from its mean.

    Those of `x` write no tensor as large as `x`, which would also drive the training's out of the caches; but they lose
    digits of a large tensor, or if the mean is not small beside the deviation. Else they are off by at most 1e-5. To
    know that, the numbers are read, for which a GPU would have to wait.
    """
    n = x.numel()
    if n <= 1_000_000 and isinstance(total := _total(x), float) and isinstance(norm := _norm(x), float):
        middle, square = total / n, norm * norm / n
        if middle * middle / 10 < square - middle * middle < math.inf:
            return total, norm
    # torch.var's CPU kernel is a serial Welford; vectorized passes take a fifth of its time.
    return number(x.new_zeros(())), number((x - x.mean()).square_().sum().sqrt())


def _apart(x: Tensor) -> Number:
    """Norm of the rows' deviations from the mean row."""
    return number(_length(x - x.mean(0)))


def _within(images: Tensor) -> Number:
    """Norm of the deviations from the means of images' channels."""
    return number(_length(images - images.mean((2, 3), keepdim=True)))


def _favoured(classes: Tensor) -> Number:
    """How often the most frequent one occurs."""
    return number((classes == classes.mode().values).sum())


@shared
def _zeros_by_unit(x: Tensor) -> Tensor:
    """Number of exact zeros in each unit: (units,)."""
    return _equal_by_unit(x, 0.0)


def _firsts(images: Tensor) -> Tensor:
    """Number of values in each channel that equal its first."""
    return _equal_by_unit(images, images[:1, :, :1, :1])


def _equal_by_unit(x: Tensor, value: Tensor | float) -> Tensor:
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
        "favourite": favourite,
    },
}
