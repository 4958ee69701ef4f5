"""Which layers give a tensor."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from cnnlab.telemetry.givers import Givers
from cnnlab.telemetry.probe import Probe


@pytest.mark.parametrize(
    ("make", "layers"),
    [
        (lambda a, b: a, {"a"}),
        (lambda a, b: 0.01 * a.flatten(1), {"a"}),
        (lambda a, b: torch.tanh(a).mean(1), {"a"}),
        (lambda a, b: a + b, {"a", "b"}),
        (lambda a, b: a.detach(), set()),
    ],
)
def test_layers_are_found_behind_whatever_is_computed(make, layers):
    givers, below, x = Givers(), nn.Linear(3, 3), torch.randn(2, 3)
    given = below(x)
    a, b = nn.Linear(3, 3)(given), nn.Linear(3, 3)(given)
    for layer, output in (("below", given), ("a", a), ("b", b)):
        givers.made(layer, output)
    assert givers.of(make(a, b)) == layers


class _Own(torch.autograd.Function):
    """A function with a backward pass of its own."""

    @staticmethod
    def forward(ctx, x, layer):
        return x * 2 if layer is None else layer(x)

    @staticmethod
    def backward(ctx, *gradients):
        return gradients[0], None


@pytest.mark.parametrize("inside", [True, False])
def test_a_layer_that_runs_inside_a_function_with_a_backward_pass_of_its_own_may_be_the_giver(inside):
    givers, below, hidden = Givers(), nn.Linear(3, 3), nn.Linear(3, 3)
    hidden.register_forward_hook(lambda module, x, output: givers.made("hidden", output))
    givers.made("below", given := below(torch.randn(2, 3)))
    assert givers.of(_Own.apply(given, hidden if inside else None)) == (set() if inside else {"below"})


@pytest.mark.parametrize("reentrant", [True, False])
def test_the_last_layer_gives_the_outputs_though_it_is_run_by_a_checkpoint(reentrant):
    torch.manual_seed(0)
    first, tail = nn.Linear(8, 8), nn.Sequential(nn.ReLU(), nn.Linear(8, 3))
    network = nn.ModuleDict({"first": first, "tail": tail})
    network.forward = lambda x: checkpoint(tail, first(x), use_reentrant=reentrant)
    with (probe := Probe(network)).watch():
        nn.functional.cross_entropy(network(torch.randn(16, 8)), torch.arange(16) % 3).backward()
    assert not [key for key in probe.read() if "given_by" in key]


class _Two(nn.Module):
    """A student or a head whose output the loss gets, and a layer behind it, of outputs of another size."""

    def __init__(self, factor: float, graph: bool):
        super().__init__()
        self.mine, self.other, self.factor, self.graph = nn.Linear(8, 3), nn.Linear(8, 3), factor, graph
        nn.init.normal_(self.other.weight, std=50.0)
        self.other.requires_grad_(graph)

    def forward(self, x):
        mine = self.factor * self.mine(x)
        with torch.set_grad_enabled(self.graph):
            return mine, self.other(x)


@pytest.mark.parametrize("graph", [True, False])
@pytest.mark.parametrize("factor", [1.0, 0.01])
def test_outputs_are_compared_with_the_layer_that_gives_them(factor, graph):
    torch.manual_seed(0)
    network, x, y = _Two(factor, graph), torch.randn(16, 8), torch.arange(16) % 3
    probe, optimizer = Probe(network), torch.optim.SGD(network.mine.parameters(), 0.1)
    for _ in range(3):
        with probe.watch() as seen:
            out, _ = network(x)
            seen["train/loss"] = loss = nn.functional.cross_entropy(out, y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert probe.read()["output/given_by/01_mine"] == 1
    said = str(probe.diagnose(optimizer, classes=3))
    assert ("multiplied by about 0.010" in said) == (factor < 1), said
    assert "frozen" not in said, "it runs without gradients: a teacher"
