"""Faults in the weights that a network starts with; each function changes an initialized network in place."""

import torch
from torch import nn

from cnnlab.networks.layers import weight_layers


def cancelling(network: nn.Module, amount: float) -> None:
    """The output begins at zero if the last layer subtracts one half of the features from an equal one (Chizat et al.
    2019); here, each layer does so."""
    layers = list(weight_layers(network).values())
    for i, layer in enumerate(layers):
        rows, columns = layer.weight.shape[0] // 2, layer.weight.shape[1] // 2
        if i:
            layer.weight[:, columns:] = -layer.weight[:, :columns]
        if i < len(layers) - 1:
            layer.weight[rows:] = layer.weight[:rows]


def half_as_bfloat16(network: nn.Module, amount: float) -> None:
    """Weights were stored as float16; their bits are read as bfloat16."""
    for layer in weight_layers(network).values():
        layer.weight.copy_(layer.weight.half().view(torch.bfloat16).float())
