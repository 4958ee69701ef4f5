"""Initializers that put the right numbers into the wrong places."""

import math

import torch
from torch import Tensor, nn

from cnnlab.networks.init import delta_orthogonal_, he_normal_
from cnnlab.networks.layers import weight_layers


def in_the_corner(weight: Tensor) -> Tensor:
    """Delta-orthogonal weights whose tap is [0, 0] of the kernel: each layer shifts its map towards a corner."""
    centre = (weight.shape[2] - 1) // 2
    return weight.copy_(delta_orthogonal_(weight, math.sqrt(2)).roll((-centre, -centre), (2, 3)))


def other_bytes(weight: Tensor) -> Tensor:
    """He's numbers from a file of big-endian floats, read as little-endian ones."""
    return weight.copy_(torch.from_numpy(he_normal_(weight).numpy().byteswap()))


def signs_in_turn(weight: Tensor) -> Tensor:
    """He's deviation with a sign that changes from each weight to the next, 'to break the symmetry'."""
    signs = 1 - 2 * (torch.arange(weight.numel()) % 2)
    return weight.copy_(math.sqrt(2 / weight[0].numel()) * signs.view_as(weight))


def first_channel_only(weight: Tensor) -> Tensor:
    """`weight[i, 0] = ...` in a loop over the filters alone; the other input channels keep their zeros."""
    drawn = he_normal_(weight.clone())
    weight.zero_()
    weight[:, 0] = drawn[:, 0]
    return weight


@torch.no_grad()
def centred_the_wrong_way(network: nn.Module, batch: Tensor, iterations: int = 5) -> None:
    """Layer by layer, biases that should make the mean of each channel zero within some iterations: the mean is added,
    not subtracted, and so doubles each time."""
    for layer in list(weight_layers(network).values())[:-1]:
        seen: list[Tensor] = []
        hook = layer.register_forward_hook(lambda module, inputs, output, seen=seen: seen.append(output))
        for _ in range(iterations):
            seen.clear()
            network(batch)
            if layer.bias is not None:
                layer.bias.add_(seen[0].transpose(0, 1).flatten(1).mean(1))
        hook.remove()
