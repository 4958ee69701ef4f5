"""Still more initializers with a mistake; each fills a weight (c_out, c_in, k, k) in place."""

import math

import torch
from torch import Tensor, nn

from cnnlab.networks.layers import weight_layers


def _he(weight: Tensor) -> float:
    return math.sqrt(2 / weight[0].numel())


def fan_of_all_(weight: Tensor) -> Tensor:
    """weight.numel() as the fan-in, which counts the output channels too."""
    return nn.init.normal_(weight, std=math.sqrt(2 / weight.numel()))


def around_one_(weight: Tensor) -> Tensor:
    """A mean of 1, as of the scale of a norm."""
    return nn.init.normal_(weight, 1.0, _he(weight))


def number_per_filter_(weight: Tensor) -> Tensor:
    """One random number for each filter, broadcast over its inputs."""
    return weight.copy_((torch.randn(len(weight), 1, 1, 1) * _he(weight)).expand_as(weight))


def eight_bits_(weight: Tensor) -> Tensor:
    """Weights stored in 8 bits, read without their scale."""
    return weight.copy_(torch.randint(-128, 128, weight.shape))


def cauchy_(weight: Tensor) -> Tensor:
    """A Cauchy distribution of He's width, which has no variance."""
    return weight.cauchy_(0.0, _he(weight))


def multiplied(network: nn.Module, batch: Tensor) -> None:
    """LSUV that multiplies by the deviation of a layer's output, where it should divide."""
    for layer in weight_layers(network).values():
        seen: list[Tensor] = []
        hook = layer.register_forward_hook(lambda module, inputs, output, seen=seen: seen.append(output))
        network(batch)
        hook.remove()
        layer.weight.mul_(seen[0].std())
