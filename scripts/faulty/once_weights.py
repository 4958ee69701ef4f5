"""Faults in the weights of an initialized network, changed in place; with init=own, which keeps them."""

import torch
from torch import nn

from cnnlab.networks.layers import bias_of, weight_layers, weight_of


def _layers(network: nn.Module) -> list[nn.Module]:
    return list(weight_layers(network).values())


def _weight(layer: nn.Module) -> nn.Parameter:
    weight = weight_of(layer)
    assert weight is not None
    return weight


def _middle(network: nn.Module) -> nn.Module:
    layers = _layers(network)
    return layers[len(layers) // 2]


def head_of_unit_normal(network: nn.Module, amount: float) -> None:
    """`nn.init.normal_(layer.weight)` for the fully connected layers, whose default deviation is 1."""
    for layer in _layers(network):
        if isinstance(layer, nn.Linear):
            _weight(layer).normal_(0, amount)


def logits_in_integers(network: nn.Module, amount: float) -> None:
    """The last layer was loaded from int8, without the factor that makes its weights of these integers."""
    weight = _weight(_layers(network)[-1])
    weight.copy_((weight / weight.abs().max() * 127).round())


def first_for_small_pixels(network: nn.Module, amount: float) -> None:
    """The first layer is multiplied by 255, as if pixels had been divided by it once more."""
    _weight(_layers(network)[0]).mul_(255 * amount)


def middle_multiplied(network: nn.Module, amount: float) -> None:
    """The layer in the middle was taken from a network of another scale."""
    _weight(_middle(network)).mul_(amount)


def middle_zeroed(network: nn.Module, amount: float) -> None:
    """A layer made with torch.zeros and forgotten by the function that initializes."""
    _weight(_middle(network)).zero_()


def middle_biased(network: nn.Module, amount: float) -> None:
    """The biases of the layer in the middle are `amount`."""
    bias = bias_of(_middle(network))
    assert bias is not None
    bias.fill_(amount)


def first_class_preferred(network: nn.Module, amount: float) -> None:
    """The logits' biases are for another task, in which nearly all images were of the first class."""
    bias = bias_of(_layers(network)[-1])
    assert bias is not None
    bias.zero_()[0] = amount


def one_dimensional_zeroed(network: nn.Module, amount: float) -> None:
    """`if p.dim() == 1: p.zero_()`, meant for biases: the weights of norm layers are such, too."""
    for parameter in network.parameters():
        if parameter.dim() == 1:
            parameter.zero_()


def pruned(network: nn.Module, amount: float) -> None:
    """All but a share `amount` of each layer's weights were set to zero, and nothing made up for it."""
    for layer in _layers(network)[:-1]:
        weight = _weight(layer)
        weight.mul_((torch.rand(weight.shape) < amount).to(weight.dtype))
