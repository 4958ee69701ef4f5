"""Still more damage to the weights of an initialized network: functions of network and amount, in place."""

import torch
from torch import nn

from cnnlab.networks.layers import weight_layers


def _layers(network: nn.Module) -> list[nn.Module]:
    return list(weight_layers(network).values())


def _middle(network: nn.Module) -> nn.Module:
    layers = _layers(network)
    return layers[len(layers) // 2]


# All layers.
def gain_by_depth(network: nn.Module, amount: float) -> None:
    """Each layer has `amount` times the gain of the one before: a factor applied inside the loop over layers."""
    for i, layer in enumerate(_layers(network)):
        layer.weight.mul_(amount**i)


def biases_counted(network: nn.Module, amount: float) -> None:
    """The index of each channel, times `amount`, as its bias."""
    for layer in _layers(network):
        if layer.bias is not None:
            layer.bias.copy_(amount * torch.arange(len(layer.bias)))


# One layer.
def middle_offset(network: nn.Module, amount: float) -> None:
    _middle(network).weight.add_(amount)


def middle_sparse(network: nn.Module, amount: float) -> None:
    """A share of one layer's weights is 0."""
    weight = _middle(network).weight
    weight.mul_(torch.rand_like(weight) >= amount)


def first_biases_scattered(network: nn.Module, amount: float) -> None:
    nn.init.normal_(_layers(network)[0].bias, std=amount)


def unbalanced(network: nn.Module, amount: float) -> None:
    """One layer times `amount`, the next divided by it: the same function, with gradients of different sizes."""
    layers = _layers(network)
    layers[len(layers) // 2 - 1].weight.mul_(amount)
    layers[len(layers) // 2].weight.div_(amount)
