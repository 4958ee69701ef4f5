"""Where theory says telemetry measures, against telemetry."""

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from cnnlab.networks.layers import weight_layers
from cnnlab.networks.trace import trace
from cnnlab.telemetry.probe import Probe
from cnnlab.theory.attributed import attributed

NETWORKS = {
    name: getattr(torchvision.models, name)
    for name in ("resnet18", "vgg11_bn", "densenet121", "squeezenet1_1", "mobilenet_v2", "alexnet")
}


class Both(nn.Module):
    """An output that an activation and something else get."""

    def __init__(self, join):
        super().__init__()
        self.a, self.norm, self.b, self.join = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Linear(3, 5), join

    def forward(self, x):
        return self.b(self.join(self, self.a(x)).mean((2, 3)))


JOINS = {
    "sum": lambda m, y: y + F.relu(y),
    "gate": lambda m, y: y * torch.sigmoid(y),
    "two activations": lambda m, y: F.relu(y) + torch.tanh(y),
    "norm and another": lambda m, y: F.relu(m.norm(y)) + F.max_pool2d(y, 1),
}


def _both(network: nn.Module, side: int) -> tuple[dict[str, bool], dict[str, bool]]:
    """Whether each layer has an activation: for theory, for telemetry."""
    calls = trace(network, (3, side, side)).calls
    names = {module: name for name, module in weight_layers(network).items()}
    expected = {names[calls[place].module]: after is not None for place, (_, after) in attributed(calls).items()}
    probe = Probe(network)
    with probe.watch():
        network(torch.randn(2, 3, side, side)).sum().backward()
    found = probe.read()
    return expected, {layer: f"activation/std/{layer}" in found for layer in expected}


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_have_activations_where_telemetry_finds_them(name):
    theory, telemetry = _both(NETWORKS[name](num_classes=5), 64)
    assert theory == telemetry


@pytest.mark.parametrize("name", JOINS)
def test_what_is_ambiguous_for_telemetry_is_for_theory(name):
    theory, telemetry = _both(Both(JOINS[name]), 8)
    assert theory == telemetry
