"""The last initializers with a mistake; each fills a weight (c_out, c_in, k, k) in place."""

import math

import torch
from torch import Tensor, nn

from cnnlab.networks.init import lsuv
from cnnlab.networks.layers import weight_layers


def fans_multiplied_(weight: Tensor) -> Tensor:
    """Glorot's variance with the product of both fans, where their sum belongs."""
    fan_in, fan_out = weight[0].numel(), weight[:, 0].numel()
    return nn.init.normal_(weight, std=math.sqrt(2 / (fan_in * fan_out)))


def bilinear_(weight: Tensor) -> Tensor:
    """The kernel by which transposed convolutions enlarge maps, in every layer, from each channel to each."""
    size = weight.shape[2]
    factor = (size + 1) // 2
    centre = factor - 1 if size % 2 else factor - 0.5
    line = 1 - (torch.arange(size) - centre).abs() / factor
    return weight.copy_(torch.outer(line, line).expand_as(weight))


def sum_to_one_(weight: Tensor) -> Tensor:
    """Uniform numbers, divided by the sum of their filter: as of blurs, which keep the brightness."""
    drawn = torch.rand_like(weight)
    return weight.copy_(drawn / drawn.sum((1, 2, 3), keepdim=True))


def counted_(weight: Tensor) -> Tensor:
    """0, 1, 2 and so on, divided by their number, for results that can be checked by hand."""
    return weight.copy_((torch.arange(weight.numel()) / weight.numel()).view_as(weight))


def fixup(network: nn.Module, batch: Tensor) -> None:
    """The factor by which Fixup makes branches beside a shortcut smaller, in a network that has none."""
    layers = weight_layers(network).values()
    for layer in layers:
        layer.weight.mul_(len(layers) ** -0.5)


def lsuv_on_dark(network: nn.Module, batch: Tensor) -> None:
    """LSUV with images that were divided by 255 twice: the first layer is made for numbers up to 0.004."""
    low, high = batch.amin(), batch.amax()
    lsuv(network, (batch - low) / (high - low) / 255)
