"""Multiplications, each with an addition (MACs), that an image takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from cnnlab.networks.modules.table import layer_type
from cnnlab.networks.trace import Call, mode, trace, unwrapped, zero_images


def macs(network: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Per image, without biases. Networks that do not consist of known layers alone are counted by PyTorch."""
    calls = trace(network, image_shape).calls
    known = [macs_of(call) for call in calls if layer_type(call.module)]
    if len(known) == len(calls) and None not in known:
        return sum(count or 0 for count in known)

    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode  # its first use takes 1 s

    network = unwrapped(network)
    counter = FlopCounterMode(display=False, custom_mapping=_uncounted())
    with (
        _unfused(),
        sdpa_kernel(SDPBackend.MATH),
        mode(network, training=False),
        torch.enable_grad(),  # the counter fails on a view of a parameter without a graph
        counter,
    ):
        network(zero_images(network, image_shape))
    return counter.get_total_flops() // 2


def macs_of(call: Call) -> int | None:
    """Of a layer; None where there is no formula."""
    module = call.module
    if isinstance(module, _ConvTransposeNd):
        return prod(call.input) * module.out_channels // module.groups * prod(module.kernel_size)
    if isinstance(module, _ConvNd):
        return prod(call.output) * module.in_channels // module.groups * prod(module.kernel_size)
    if isinstance(module, nn.Linear):
        return prod(call.output) * module.in_features
    return 0 if layer_type(module) else None


@contextmanager
def _unfused() -> Iterator[None]:
    """Without fused calls, which count as nothing: encoder layers, LSTMs, attention (on the CPU, up to torch 2.11)."""
    fast, libraries = torch.backends.mha.get_fastpath_enabled(), (torch.backends.mkldnn, torch.backends.cudnn)
    enabled: list[bool] = [library.enabled for library in libraries]
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        for library in libraries:
            setattr(library, "enabled", False)  # noqa: B010 (a property of the module, of which types know nothing)
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for library, was in zip(libraries, enabled, strict=True):
            setattr(library, "enabled", was)  # noqa: B010


def _uncounted() -> dict[Any, Callable[..., int]]:
    """Products for which torch has no formula: from the shapes of their arguments, two operations each."""
    aten = torch.ops.aten
    return {
        aten._trilinear: lambda x, weight, *rest, **named: 2 * prod(x[:-1]) * prod(weight),
        aten.mv: lambda matrix, *rest, **named: 2 * prod(matrix),
        aten.addmv: lambda start, matrix, *rest, **named: 2 * prod(matrix),
        aten.dot: lambda vector, *rest, **named: 2 * prod(vector),
        aten.vdot: lambda vector, *rest, **named: 2 * prod(vector),
        aten.addbmm: lambda start, left, right, *rest, **named: 2 * prod(left) * right[-1],
    }
