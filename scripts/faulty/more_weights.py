"""More damage to the weights of one layer: functions of network and amount, in place."""

import torch
from torch import nn

from cnnlab.networks.layers import weight_layers


def _layers(network: nn.Module) -> list[nn.Module]:
    return list(weight_layers(network).values())


def _middle(network: nn.Module) -> nn.Module:
    layers = _layers(network)
    return layers[len(layers) // 2]


def first_filled(network: nn.Module, amount: float) -> None:
    _layers(network)[0].weight.fill_(amount)


def second_scaled(network: nn.Module, amount: float) -> None:
    _layers(network)[1].weight.mul_(amount)


def last_drawn(network: nn.Module, amount: float) -> None:
    """A new head from a normal distribution with this deviation."""
    nn.init.normal_(_layers(network)[-1].weight, std=amount)


def one_filter_scaled(network: nn.Module, amount: float) -> None:
    """One channel of the middle layer."""
    _middle(network).weight[0].mul_(amount)


def middle_rank_one(network: nn.Module, amount: float) -> None:
    """Every filter of the middle layer is a multiple of one."""
    weight = _middle(network).weight
    factors = torch.randn(len(weight), *[1] * (weight.dim() - 1))
    weight.copy_(factors * weight[:1].clone())
