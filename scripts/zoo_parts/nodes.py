"""What autograd calls functions, and what they compute: those that pass a layer's output on, and activations.

Each entry takes the node and the value x that its function got, and returns what it made of it, from the attributes
that autograd saved; None where those do not tell.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Node = Any  # torch.autograd.graph.Node, with the _saved_... attributes of its function
Rule = Callable[[Node, Tensor], Tensor | None]


def shape_made(node: Node) -> torch.Size:
    """Of a node's (first) output."""
    return torch.Size(node._input_metadata[0].shape)


def _leaf(node: Node, index: int) -> Tensor | None:
    """The parameter that is a function's input number `index`, if it is one."""
    return getattr(node.next_functions[index][0], "variable", None)


def _batch_norm(n: Node, x: Tensor) -> Tensor | None:
    bias = _leaf(n, 2)
    if n._saved_weight is not None and n.next_functions[1][0] is not None and bias is None:
        return None  # the shift is computed, and not saved
    running = (None, None) if n._saved_training else (n._saved_running_mean, n._saved_running_var)
    return F.batch_norm(x, *running, n._saved_weight, bias, n._saved_training, 0.0, n._saved_eps)


def _layer_norm(n: Node, x: Tensor) -> Tensor:
    return F.layer_norm(x, n._saved_normalized_shape, n._saved_weight, _leaf(n, 2), _epsilon(n, x))


def _epsilon(n: Node, x: Tensor) -> float:
    """Autograd saves 1 / sqrt(variance + epsilon) per group of values, not epsilon: read off the first one."""
    groups = x.detach().double().reshape(n._saved_result2.numel(), -1)
    variance = groups.var(1, correction=0)
    return max(0.0, float((1 / n._saved_result2.detach().double().flatten().square() - variance).median()))


def _group_norm(n: Node, x: Tensor) -> Tensor:
    return F.group_norm(x, n._saved_group, n._saved_weight, _leaf(n, 2), _epsilon(n, x))


def _reshaped(n: Node, x: Tensor) -> Tensor:
    return x.reshape(shape_made(n))


def _global_average(n: Node, x: Tensor) -> Tensor | None:
    """An adaptive average pooling to one cell, or mean((2, 3))."""
    made = shape_made(n)
    return x.mean((2, 3)).reshape(made) if x.dim() == 4 and made.numel() == x.shape[0] * x.shape[1] else None


def axes(*numbers: int) -> list[int]:
    """Axes that autograd saved; it returns -1 as 2^64 - 1."""
    return [number - 2**64 if number >= 2**63 else number for number in numbers]


def unit_axis(node: Node, before: torch.Size, axis: int | None) -> int | None:
    """Where a passing node puts axis number `axis`; None if a reshape leaves it no axis of its own."""
    after = shape_made(node)
    if axis is None:
        return None
    if node.name().startswith("Permute"):
        return [d % len(before) for d in axes(*node._saved_dims)].index(axis)
    if node.name().startswith("Transpose"):
        first, second = (d % len(before) for d in axes(node._saved_dim0, node._saved_dim1))
        return {first: second, second: first}.get(axis, axis)
    outside = prod(before[:axis])
    places = [i for i in range(len(after)) if prod(after[:i]) == outside and after[i] == before[axis]]
    return places[0] if places else None


def _max_pool(n: Node, x: Tensor) -> Tensor:
    place = n._saved_kernel_size, n._saved_stride, n._saved_padding, n._saved_dilation
    return F.max_pool2d(x, *place, n._saved_ceil_mode)


def _avg_pool(n: Node, x: Tensor) -> Tensor:
    place = n._saved_kernel_size, n._saved_stride, n._saved_padding
    return F.avg_pool2d(x, *place, n._saved_ceil_mode, n._saved_count_include_pad, n._saved_divisor_override)


def _elu(n: Node, x: Tensor) -> Tensor:
    """elu, selu and celu."""
    below = n._saved_alpha * (x * n._saved_input_scale).clamp(max=0).expm1()
    return n._saved_scale * torch.where(x > 0, x, below)


PASSING: Mapping[str, Rule] = {
    "NativeBatchNormBackward0": _batch_norm,
    "NativeLayerNormBackward0": _layer_norm,
    "NativeGroupNormBackward0": _group_norm,
    "MaxPool2DWithIndicesBackward0": _max_pool,
    "AvgPool2DBackward0": _avg_pool,
    "AdaptiveAvgPool2DBackward0": lambda n, x: F.adaptive_avg_pool2d(x, shape_made(n)[-2:]),
    "MeanBackward1": _global_average,
    "ReflectionPad2DBackward0": lambda n, x: F.pad(x, n._saved_padding, "reflect"),
    "ReplicationPad2DBackward0": lambda n, x: F.pad(x, n._saved_padding, "replicate"),
    "ConstantPadNdBackward0": lambda n, x: F.pad(x, n._saved_pad),
    "PermuteBackward0": lambda n, x: x.permute(axes(*n._saved_dims)),
    "TransposeBackward0": lambda n, x: x.transpose(*axes(n._saved_dim0, n._saved_dim1)),
    **dict.fromkeys(
        [
            *("ViewBackward0", "UnsafeViewBackward0", "ReshapeAliasBackward0", "CloneBackward0", "AliasBackward0"),
            *("SqueezeBackward0", "SqueezeBackward1", "SqueezeBackward2", "UnsqueezeBackward0", "ToCopyBackward0"),
        ],
        _reshaped,
    ),
}
ACTIVATIONS: Mapping[str, Rule] = {
    "ReluBackward0": lambda n, x: n._saved_result,
    "SigmoidBackward0": lambda n, x: n._saved_result,
    "TanhBackward0": lambda n, x: n._saved_result,
    "HardswishBackward0": lambda n, x: F.hardswish(n._saved_self),
    "HardsigmoidBackward0": lambda n, x: F.hardsigmoid(n._saved_self),
    "SiluBackward0": lambda n, x: F.silu(n._saved_self),
    "MishBackward0": lambda n, x: F.mish(n._saved_self),
    "GeluBackward0": lambda n, x: F.gelu(n._saved_self, approximate=n._saved_approximate),
    "HardtanhBackward0": lambda n, x: F.hardtanh(x, n._saved_min_val, n._saved_max_val),
    "LeakyReluBackward0": lambda n, x: F.leaky_relu(x, n._saved_negative_slope),
    "SoftplusBackward0": lambda n, x: F.softplus(x, n._saved_beta, n._saved_threshold),
    "EluBackward0": _elu,
    "PreluKernelBackward0": lambda n, x: torch.where(x > 0, x, x * n._saved_weight),
}
# Those with a lower and an upper bound.
BOUNDS: Mapping[str, Callable[[Node], tuple[float, float]]] = {
    "SigmoidBackward0": lambda n: (0.0, 1.0),
    "TanhBackward0": lambda n: (-1.0, 1.0),
    "HardsigmoidBackward0": lambda n: (0.0, 1.0),
    "HardtanhBackward0": lambda n: (n._saved_min_val, n._saved_max_val),
}
# Sums, products, parts, concatenations and other layers: what comes behind these belongs to no layer.
BREAKING = {
    f"{name}Backward{i}"
    for i in range(4)
    for name in (
        *("Add", "Sub", "Mul", "Div", "Cat", "Stack", "Split", "SplitWithSizes", "Chunk", "Unbind", "Slice", "Select"),
        *("Convolution", "Addmm", "Mm", "Bmm", "Baddbmm", "T", "Expand", "Repeat", "Index", "IndexSelect", "Roll"),
        *("Sum", "LogSoftmax", "Softmax", "LinalgVectorNorm", "UpsampleNearest2D", "UpsampleBilinear2D", "Pow", "Glu"),
        *("ScaledDotProductFlashAttentionForCpu", "ScaledDotProductFusedAttentionOverrideable", "PixelShuffle"),
    )
}
