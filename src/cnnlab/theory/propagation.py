"""Moment recursion through a network: signal forward, gradient backward, as maps over positions.

Poole et al. 2016 and Schoenholz et al. 2017, with the covariance maps of Xiao et al. 2018 kept per position, so
that zero padding is not averaged out. A box is a kernel of weight variances, by tap.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnlab.common.errors import NotApplicable
from cnnlab.networks.modules.moments import moments
from cnnlab.theory import pooling
from cnnlab.theory.chain import Layer
from cnnlab.theory.maps import HERE, MomentMaps, Step, inside, kept, of_images
from cnnlab.theory.pairs import activated
from cnnlab.theory.weights import WeightMoments, moments_of

# Position pairs per layer that a global average may cost; 2 million take about 0.2 s. As many images as fit are
# used; a map whose pairs exceed the second limit for a single image raises NotApplicable.
_MAX_PAIRS, _MAX_PAIRS_ONE_IMAGE = 2_000_000, 12_000_000

# Steps to track: on the images, then per layer on its pre-activations and after each pooling.
Plan = list[list[tuple[Step, ...]]]


@dataclass(frozen=True)
class Signal:
    """One layer's maps, (N, H, W), of the pre-activation h and the activation phi(h), before any pooling.

    `slopes`: E (d output / d input)^2 of the activation and each pooling, on their input maps. The backward pass
    spreads the gradient over each pooling's windows and multiplies by these, last to first.
    """

    mean: Tensor
    variance: Tensor
    activation_mean: Tensor
    activation_square: Tensor
    slopes: list[Tensor]


def forward(layers: list[Layer], weights: Mapping[str, WeightMoments], images: Tensor) -> list[Signal]:
    """`images`: (N, C, H, W) float64, normalized."""
    size = (images.shape[-2], images.shape[-1])
    averaged = next((i for i, layer in enumerate(layers) if any(pool.whole for pool in layer.pools)), None)
    factor = 0.0
    if averaged is not None:
        # The square of a global average needs every pair of positions: computed exactly on a few images, whose
        # ratio to the mean square is then used for all.
        part = layers[: averaged + 1]
        plan = _plan(part, size, exact=True)
        some = images[:: -(-len(images) // _affordable(part, plan, len(images)))]
        factor = _walk(part, weights, some, plan, None)[1]
    return _walk(layers, weights, images, _plan(layers, size, exact=False), factor)[0]


def backward(
    layers: list[Layer], weights: Mapping[str, WeightMoments], signals: list[Signal], top: Tensor
) -> list[Tensor]:
    """Second moments of d loss / d pre-activation, (N, H, W) per layer, from those of the logits, `top` (N, 1, 1).

    NaN below a hidden layer whose weights have non-zero mean: the gradient then has a component shared by all
    channels, which second moments alone cannot track. (The logits' weights may: gradients sum to 0 over classes.)
    """
    gradients = [top]
    for i in range(len(layers) - 1, 0, -1):
        layer, below = layers[i], layers[i - 1]
        box, mean = _kernels(layer, weights[layer.name])
        above = gradients[-1]
        if i < len(layers) - 1 and bool(mean.any()) and bool(above.any()):
            above = torch.full_like(above, torch.nan)
        arrived = _transposed(above, layer.c_out * box, layer, below.pooled) / layer.keep
        slopes = signals[i - 1].slopes
        for pool, slope in reversed(list(zip(below.pools, slopes[1:], strict=True))):
            arrived = pooling.spread(arrived, pool, _size(slope)) * slope
        gradients.append(arrived * slopes[0])
    return gradients[::-1]


def _walk(
    layers: list[Layer], weights: Mapping[str, WeightMoments], images: Tensor, plan: Plan, factor: float | None
) -> tuple[list[Signal], float]:
    """The signals, and the last pooling's output mean square over its input's. `factor`: that ratio for a global
    average; None to compute it from the pairs."""
    x, signals, ratio = of_images(images, plan[0][0]), [], 1.0
    for layer, (layer_steps, *pool_steps) in zip(layers, plan[1:], strict=True):
        h = _convolved(x, layer, weights[layer.name], layer_steps)
        first, second, slope = moments(layer.activation, h.mean, h.square)
        slopes = [slope]
        if not (layer.pools and layer.pools[0].largest):
            x = activated(h, layer.activation, first, second)
        for pool, steps in zip(layer.pools, pool_steps, strict=True):
            if pool.largest:
                x, slope = pooling.largest(h, layer.activation, pool, steps)
                slopes = [torch.ones_like(slope), slope]
                continue
            square = x.square.mean((1, 2), keepdim=True)
            slopes.append(pooling.spread(pooling.shares(pool, x.size)[None], pool, x.size).square())
            if pool.whole and factor is not None:
                x = MomentMaps(x.mean.mean((1, 2), keepdim=True), factor * square[:, None], steps)
            else:
                x = pooling.linear(x, pool, steps)
            ratio = float(x.square.mean() / square.mean().clamp_min(1e-300))
        signals.append(Signal(h.mean, h.square, first, second, slopes))
    return signals, ratio


def _plan(layers: list[Layer], size: tuple[int, int], exact: bool) -> Plan:
    """The steps between positions that each layer must track for the poolings above it."""
    above: tuple[Step, ...] = (HERE,)
    plan: Plan = []
    for i in range(len(layers) - 1, -1, -1):
        layer, steps = layers[i], [above]
        sizes = [layer.output, *(pool.output for pool in layer.pools)]
        for pool, below in reversed(list(zip(layer.pools, sizes, strict=False))):
            known = exact or not pool.whole
            steps.append(pooling.steps_below(pool, steps[-1], below) if known else (HERE,))
        plan.append(steps[::-1])
        (down, right), below = layer.stride, layers[i - 1].pooled if i else size
        above = kept([(down * a, right * b) for a, b in steps[-1]], below)
    plan.append([above])
    return plan[::-1]


def pairs_of_positions(layers: list[Layer], size: tuple[int, int]) -> int:
    """Position pairs per image tracked over all layers, excluding those for global averages."""
    return sum(_pairs(layers, _plan(layers, size, exact=False)))


def _pairs(layers: list[Layer], plan: Plan) -> list[int]:
    return [len(steps[0]) * layer.output[0] * layer.output[1] for layer, steps in zip(layers, plan[1:], strict=True)]


def _affordable(layers: list[Layer], plan: Plan, images: int) -> int:
    pairs = max(_pairs(layers, plan))
    if pairs > _MAX_PAIRS_ONE_IMAGE:
        raise NotApplicable(f"its global average needs too many pairs of positions ({pairs:,})")
    return min(images, max(1, _MAX_PAIRS // pairs))


def _convolved(x: MomentMaps, layer: Layer, weights: WeightMoments, steps: tuple[Step, ...]) -> MomentMaps:
    box, mean = _kernels(layer, weights)
    pairs = torch.stack([_input_pairs(x, layer, step) for step in steps], 1)
    pairs[:, 0] /= layer.keep
    variance = F.conv2d(F.pad(pairs, layer.padding).flatten(0, 1)[:, None], layer.c_in * box, stride=layer.stride)
    centre = F.conv2d(F.pad(x.mean, layer.padding)[:, None], layer.c_in * mean, stride=layer.stride)[:, 0]
    bias_mean, bias_variance = _bias(layer)
    covariances = variance.view(len(pairs), len(steps), *layer.output) + bias_variance * inside(layer.output, steps)
    return MomentMaps(centre + bias_mean, covariances * inside(layer.output, steps), steps)


def _input_pairs(x: MomentMaps, layer: Layer, step: Step) -> Tensor:
    on_input = (step[0] * layer.stride[0], step[1] * layer.stride[1])
    if abs(on_input[0]) >= x.size[0] or abs(on_input[1]) >= x.size[1]:
        return torch.zeros_like(x.mean)
    return x.pair(on_input)


def _transposed(above: Tensor, box: Tensor, layer: Layer, size: tuple[int, int]) -> Tensor:
    """(N, H', W') -> (N, H, W): transposed convolution, from outputs back to inputs."""
    left, right, top, bottom = layer.padding
    padded = (size[0] + top + bottom, size[1] + left + right)
    # Trailing rows and columns that the stride skips.
    over = [(n - k) % s for n, k, s in zip(padded, layer.kernel, layer.stride, strict=True)]
    reached = F.conv_transpose2d(above[:, None], box, stride=layer.stride, output_padding=over)[:, 0]
    return reached[:, top : top + size[0], left : left + size[1]]


def _kernels(layer: Layer, weights: WeightMoments) -> tuple[Tensor, Tensor]:
    """Variance and mean per kernel tap, (1, 1, k, k)."""
    return weights.variance.expand(layer.kernel)[None, None], weights.mean.expand(layer.kernel)[None, None]


def _bias(layer: Layer) -> tuple[float, float]:
    """Mean and variance of the layer's biases; a mean within sampling error counts as 0."""
    if layer.module.bias is None:
        return 0.0, 0.0
    moments = moments_of(layer.module.bias[:, None])
    return float(moments.mean), float(moments.variance)


def _size(maps: Tensor) -> tuple[int, int]:
    return maps.shape[-2], maps.shape[-1]
