"""The last damage to the weights of an initialized network: functions of network and amount, in place."""

import torch
from torch import nn

from cnnlab.networks.layers import weight_layers


def _layers(network: nn.Module) -> list[nn.Module]:
    return list(weight_layers(network).values())


def blocks_end_with_zeros(network: nn.Module, amount: float) -> None:
    """The last convolution of each block begins with zeros, as beside a shortcut."""
    for block in network.children():
        convolutions = [module for module in block.modules() if isinstance(module, nn.Conv2d)]
        if convolutions:
            convolutions[-1].weight.zero_()


def new_class(network: nn.Module, amount: float) -> None:
    """The weights of the last class were added later, with another deviation than the others."""
    nn.init.normal_(_layers(network)[-1].weight[-1], std=amount)


def filters_growing(network: nn.Module, amount: float) -> None:
    """Each filter of the middle layer is `amount` times the one before."""
    layers = _layers(network)
    weight = layers[len(layers) // 2].weight
    weight.mul_((amount ** torch.arange(len(weight))).view(-1, *[1] * (weight.dim() - 1)))


def class_counts(network: nn.Module, amount: float) -> None:
    """How often there is each class, about `amount` times, where the logarithm of its share belongs."""
    bias = _layers(network)[-1].bias
    bias.copy_(torch.poisson(torch.full_like(bias, amount)))
