"""The memory layout that a network is trained in: channels_last keeps the values of one pixel together."""

from typing import Literal

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cnnlab.common.random import cpu_seed
from cnnlab.networks.trace import left_as_it_was


def choose_channels_last(
    asked: bool | Literal["auto"], network: nn.Module, image_shape: tuple[int, int, int], device: torch.device
) -> bool:
    """`auto`: on the CPU, where it is faster (docs/benchmarks.md), if the network can be computed in it. On CUDA it was
    not measured."""
    if asked != "auto":
        return asked
    return device.type == "cpu" and takes_channels_last(network, image_shape)


def takes_channels_last(network: nn.Module, image_shape: tuple[int, int, int]) -> bool:
    """Whether a pass in this layout works: behind a convolution, `x.view(len(x), -1)` does not. The network is left as
    it was, but for the layout of its weights."""
    # Those of 3-d convolutions have a layout of their own, and of layers that never ran none.
    if any(is_lazy(weight) or weight.dim() > 4 for weight in network.parameters()):
        return False
    with left_as_it_was(network), cpu_seed(0):
        network.to(memory_format=torch.channels_last)
        try:
            network(torch.zeros(2, *image_shape).contiguous(memory_format=torch.channels_last))
            return True
        except Exception:  # it is somebody's own code; what else is wrong with it shows in the other layout too
            network.to(memory_format=torch.contiguous_format)
            return False
