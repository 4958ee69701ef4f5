"""Damage to the weights of one layer of an initialized network: functions of network and amount, in place."""

import torch
from torch import nn

from cnnlab.networks.layers import weight_layers


def _layers(network: nn.Module) -> list[nn.Module]:
    return list(weight_layers(network).values())


def _middle(network: nn.Module) -> nn.Module:
    layers = _layers(network)
    return layers[len(layers) // 2]


def first_scaled(network: nn.Module, amount: float) -> None:
    _layers(network)[0].weight.mul_(amount)


def middle_scaled(network: nn.Module, amount: float) -> None:
    _middle(network).weight.mul_(amount)


def last_scaled(network: nn.Module, amount: float) -> None:
    _layers(network)[-1].weight.mul_(amount)


def before_last_scaled(network: nn.Module, amount: float) -> None:
    _layers(network)[-2].weight.mul_(amount)


def middle_filled(network: nn.Module, amount: float) -> None:
    """Every weight of one layer has the same value."""
    _middle(network).weight.fill_(amount)


def middle_same_filters(network: nn.Module, amount: float) -> None:
    """Every channel of one layer computes the same."""
    weight = _middle(network).weight
    weight.copy_(weight[:1].expand_as(weight))


def middle_negative(network: nn.Module, amount: float) -> None:
    """Behind ReLU the inputs are positive, so all outputs of this layer are negative."""
    weight = _middle(network).weight
    weight.copy_(-weight.abs())


def middle_bias(network: nn.Module, amount: float) -> None:
    _middle(network).bias.fill_(amount)


def first_bias(network: nn.Module, amount: float) -> None:
    _layers(network)[0].bias.fill_(amount)


def hidden_bias(network: nn.Module, amount: float) -> None:
    """Of the layer below the last."""
    _layers(network)[-2].bias.fill_(amount)


def one_class_bias(network: nn.Module, amount: float) -> None:
    """One class is sure from the start."""
    _layers(network)[-1].bias[0] = amount


def scattered_biases(network: nn.Module, amount: float) -> None:
    """Every bias from a normal distribution, as after a fill that takes them for weights."""
    for layer in _layers(network):
        if layer.bias is not None:
            torch.nn.init.normal_(layer.bias, std=amount)


# No faults: what careful people do.
def last_zero(network: nn.Module, amount: float) -> None:
    """As in fine-tuning: the new layer starts at 0."""
    _layers(network)[-1].weight.zero_()
