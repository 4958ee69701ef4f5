"""Layers in the order in which they are called, and weights that are used without a call."""

import torch
import torch.nn.functional as F
from torch import nn

from cnnlab.networks.called import as_they_run, called_layers, used_uncalled


class Odd(nn.Module):
    """Runs its layers in another order than they are defined, one of them twice and one by its weights alone."""

    def __init__(self):
        super().__init__()
        self.last, self.first, self.unused, self.bare = (nn.Linear(4, 4) for _ in range(4))

    def forward(self, x):
        return self.last(F.linear(self.first(self.first(x)), self.bare.weight))


def test_layers_are_those_that_run_in_their_order():
    network, x = Odd(), torch.randn(2, 4)
    called = called_layers(network, lambda: network(x))
    assert called == [network.first, network.last]
    assert not any(module._forward_hooks for module in network.modules())


def test_what_runs_in_evaluation_mode():
    network = nn.Sequential(nn.Linear(4, 4), nn.Dropout(1.0), nn.Linear(4, 4)).train()
    assert as_they_run(network, torch.randn(2, 4)) == [network[0], network[2]] and network.training


def test_weights_that_are_used_without_a_call_are_named():
    network, x = Odd(), torch.randn(2, 4)
    assert used_uncalled(network, x, as_they_run(network, x)) == "04_bare"
    assert used_uncalled(network, x, [network.first, network.last, network.bare]) is None
    network.bare.requires_grad_(False)
    assert used_uncalled(network, x, as_they_run(network, x)) is None
