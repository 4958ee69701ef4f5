"""A layer made in forward() against other networks that a loop uses."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnnlab.telemetry.probe import Probe

X, Y = torch.randn(16, 5, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 3


class Anew(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(5, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.Linear(8, 3)(F.relu(self.first(x)))


class Judge(nn.Module):
    """Another network, of whose weights a gradient is computed and never used."""

    def __init__(self) -> None:
        super().__init__()
        self.judge = [nn.Linear(3, 3)]
        self.net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.judge[0](self.net(x))


def _attacks(network: nn.Module) -> None:
    """Projected gradient descent on the images."""
    images = nn.Parameter(X.clone())
    optimizer = torch.optim.SGD([images], lr=0.1)
    F.cross_entropy(network(images), Y).neg().backward()
    optimizer.step()


def _looks_ahead(network: nn.Module) -> None:
    copy = deepcopy(network)
    loss = F.cross_entropy(copy(X), Y)
    loss.backward()
    torch.optim.SGD(copy.parameters(), lr=0.1).step()


def _said(network: nn.Module, body=lambda network: None) -> str:
    torch.manual_seed(0)
    probe, optimizer = Probe(network), torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(8):
        with probe.watch() as seen:
            body(network)
            optimizer.zero_grad()
            loss = F.cross_entropy(network(X), Y)
            loss.backward()
            optimizer.step()
            seen["train/loss"] = loss
    return str(probe.diagnose(optimizer, classes=3))


def test_a_layer_that_is_made_in_forward_is_told():
    assert "make all layers in __init__, none in forward()" in _said(Anew())


@pytest.mark.parametrize(
    ("network", "body"),
    [
        (Judge, lambda network: None),
        (lambda: Judge().net, lambda network: None),
        (lambda: Judge().net, _attacks),
        (lambda: Judge().net, _looks_ahead),
    ],
)
def test_other_networks_in_the_loop_are_none(network, body):
    assert "__init__" not in _said(network(), body)


def test_no_hook_is_left():
    other = nn.Linear(3, 3)
    network = nn.Linear(5, 3)
    probe = Probe(network)
    with probe.watch():
        other(network(X)).sum().backward()
    assert not other.weight._backward_hooks and not network.weight._backward_hooks
