"""Yet other damage to the weights of an initialized network: functions of network and amount, in place."""

import torch
from torch import nn

from cnnlab.networks.layers import weight_layers


def _layers(network: nn.Module) -> list[nn.Module]:
    return list(weight_layers(network).values())


def mostly_dead(network: nn.Module, amount: float) -> None:
    """This share of the units of each layer but the last has a bias below everything that reaches it."""
    for layer in _layers(network)[:-1]:
        if layer.bias is not None:
            layer.bias.masked_fill_(torch.rand(len(layer.bias)) < amount, -30.0)


def folded_twice(network: nn.Module, amount: float) -> None:
    """The first layer holds what standardizes pixels up to `amount`, of which mean and deviation are 0.13 and 0.31, as
    for deployment; the images are standardized all the same."""
    layer = _layers(network)[0]
    layer.bias.copy_(-0.13 / 0.31 * layer.weight.sum((1, 2, 3)))
    layer.weight.div_(0.31 * amount)


def one_nan(network: nn.Module, amount: float) -> None:
    """A number of the middle weights could not be read."""
    layers = _layers(network)
    layers[len(layers) // 2].weight.view(-1)[: int(amount)] = torch.nan
