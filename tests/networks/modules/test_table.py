"""Which entry a module gets: by its class, or by the class whose forward it inherits, and no other."""

import pytest
import torch
from torch import nn

from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.poolings import POOLINGS
from cnnlab.networks.modules.table import NoActivation, activation_layer, layer_type, pooling_layer


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_found_by_its_module(name):
    known = layer_type(activation_layer(name))
    assert known is not None and known.role == "activation" and known.activation is ACTIVATIONS[name]


@pytest.mark.parametrize("name", POOLINGS)
def test_every_pooling_is_found_by_its_module(name):
    known = layer_type(pooling_layer(name))
    assert known is not None and known.role == "pooling"


class Same(nn.ReLU):
    pass


class Other(nn.ReLU):
    def forward(self, x):
        return torch.sin(x)


def test_a_subclass_is_what_it_inherits_unless_it_computes_something_else():
    assert layer_type(Same()) is layer_type(nn.ReLU())
    assert layer_type(Other()) is None
    assert layer_type(nn.Softmax2d()) is None and layer_type(nn.Sequential()) is None


def test_an_identity_is_nothing_and_no_activation_keeps_an_activations_place():
    roles = [known and known.role for known in map(layer_type, (nn.Identity(), NoActivation()))]
    assert roles == ["nothing", "activation"]
    x = torch.randn(3)
    assert NoActivation()(x) is x
