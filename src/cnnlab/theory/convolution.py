"""Moments through weights: convolutions of maps with a box, the kernel of the weights' variances by tap."""

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnlab.theory.graph import Weights
from cnnlab.theory.maps import MomentMaps, Step, inside, kept, partners
from cnnlab.theory.weights import WeightMoments, moments_of


def convolved(x: MomentMaps, layer: Weights, weights: WeightMoments, steps: tuple[Step, ...]) -> MomentMaps:
    """Of the outputs, at `steps`."""
    box, mean = kernels(layer, weights)
    down, right = layer.stride
    pairs = torch.stack([x.pair((down * a, right * b)) for a, b in steps], 1)
    pairs[:, 0] /= layer.keep
    variance = F.conv2d(F.pad(pairs, layer.padding).flatten(0, 1)[:, None], layer.c_in * box, stride=layer.stride)
    centre = F.conv2d(F.pad(x.mean, layer.padding)[:, None], layer.c_in * mean, stride=layer.stride)[:, 0]
    bias_mean, bias_variance = _bias(layer)
    centre = centre + bias_mean
    covariances = variance.view(len(pairs), len(steps), *layer.size) + bias_variance
    products = covariances + centre[:, None] * partners(centre, steps)
    return MomentMaps(centre, products * inside(layer.size, steps), steps)


def taps_in_common(layer: Weights, weights: WeightMoments, size: tuple[int, int]) -> float:
    """Mean over pairs of positions of the taps that are inside at both, over the mean of those inside at one."""
    on_map = F.pad(torch.ones(1, 1, *size, dtype=torch.float64), layer.padding)
    taps = F.unfold(on_map, layer.kernel, stride=layer.stride).mean(2)[0]  # share of positions with the tap inside
    box = weights.variance.expand(layer.kernel).flatten()
    inside_one = float((box * taps).sum())
    return float((box * taps.square()).sum()) / inside_one if inside_one > 0 else 1.0


def returned(
    above: MomentMaps, layer: Weights, weights: WeightMoments, size: tuple[int, int], steps: tuple[Step, ...]
) -> Tensor:
    """(N, D, H, W), products of the gradients of inputs that are `steps` apart, from `above` of the outputs, at
    `steps_above`. Inputs that meet no weight in common have independent gradients."""
    box, _ = kernels(layer, weights)
    down, right = layer.stride
    pairs = torch.zeros(len(above.mean), len(steps), *size, dtype=torch.float64)
    for i, (a, b) in enumerate(steps):
        if a % down == b % right == 0:
            pairs[:, i] = transposed(above.pair((a // down, b // right)), layer.c_out * box, layer, size)
    pairs[:, 0] /= layer.keep
    return pairs * inside(size, steps)


def steps_above(layer: Weights, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps between outputs that the gradients of inputs that are `steps` apart need."""
    down, right = layer.stride
    return kept(((a // down, b // right) for a, b in steps if a % down == b % right == 0), layer.size)


def transposed(above: Tensor, box: Tensor, layer: Weights, size: tuple[int, int]) -> Tensor:
    """(N, H', W') -> (N, H, W): transposed convolution, from outputs back to inputs."""
    left, right, top, bottom = layer.padding
    padded = (size[0] + top + bottom, size[1] + left + right)
    # Trailing rows and columns that the stride skips.
    over = [(n - k) % s for n, k, s in zip(padded, layer.kernel, layer.stride, strict=True)]
    reached = F.conv_transpose2d(above[:, None], box, stride=layer.stride, output_padding=over)[:, 0]
    return reached[:, top : top + size[0], left : left + size[1]]


def kernels(layer: Weights, weights: WeightMoments) -> tuple[Tensor, Tensor]:
    """Variance and mean per kernel tap, (1, 1, k, k)."""
    return weights.variance.expand(layer.kernel)[None, None], weights.mean.expand(layer.kernel)[None, None]


def _bias(layer: Weights) -> tuple[float, float]:
    """Mean and variance of the layer's biases; a mean within sampling error counts as 0."""
    if layer.module.bias is None:
        return 0.0, 0.0
    moments = moments_of(layer.module.bias[:, None])
    return float(moments.mean), float(moments.variance)
