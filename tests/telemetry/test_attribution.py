"""Which activation belongs to which layer, on small odd modules whose answer is known by reading them."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.table import activation_layer
from cnnlab.telemetry.attribution import ACTIVATING, CARRYING, Attribution, Units
from cnnlab.telemetry.probe import Probe

X = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """One convolution `a` and a fully connected layer `out`; what lies between is given."""

    def __init__(self, between, **modules: nn.Module):
        super().__init__()
        self.a, self.out, self.between = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3), between
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.between(self, self.a(x)).mean((2, 3)))


def _measured(network: nn.Module) -> dict[str, float]:
    probe = Probe(network)
    with probe.watch():
        network(X).sum().backward()
    return probe.read()


def _in_place(net: Net, h: Tensor) -> Tensor:
    return F.relu(h, inplace=True)


BELONGS = {
    "a function": lambda net, h: F.relu(h),
    "a function in place": _in_place,
    "a method": lambda net, h: h.relu(),
    "a method in place": lambda net, h: h.relu_(),
    "torch's own": lambda net, h: torch.relu(h),
    "behind norm and dropout": lambda net, h: F.relu(F.dropout(F.group_norm(h, 2), 0.0)),
    "behind a change of shape": lambda net, h: F.relu(h.flatten(2)).unflatten(2, (8, 8)),
    "beside numbers that are only looked at": lambda net, h: F.relu(h) + 0 * h.detach().mean(),
}
NOBODYS = {
    "behind a sum": lambda net, h: F.relu(h + h.roll(1, 0)),
    "behind a sum in place": lambda net, h: F.relu(h.add_(1.0)),
    "behind a product": lambda net, h: F.relu(h * 2),
    "behind a concatenation": lambda net, h: F.relu(torch.cat([h, h], 1))[:, :4],
    "behind a part": lambda net, h: F.relu(h[:, :2]).repeat(1, 2, 1, 1),
    "a gate": lambda net, h: h * torch.sigmoid(h),
    "a gate, the other way round": lambda net, h: (2 * h) * torch.sigmoid(h),
    "two of them": lambda net, h: F.relu(h) + torch.tanh(h),
    "one on each of two branches": lambda net, h: F.relu(F.group_norm(h, 2)) + F.relu(F.group_norm(h, 4)),
    "halves beside it": lambda net, h: F.relu(h) + h.chunk(2, 1)[0].repeat(1, 2, 1, 1),
    "maxima beside it": lambda net, h: F.relu(h) * h.max(1, keepdim=True).values,
    "none": lambda net, h: h,
}


@pytest.mark.parametrize("case", BELONGS)
def test_what_belongs_to_the_layer(case):
    net = Net(BELONGS[case])
    found = _measured(net)
    reference = BELONGS[case](net, net.a(X)).detach()
    assert found["activation/mean/01_a"] == pytest.approx(reference.mean().item(), rel=1e-5)
    assert found["activation/std/01_a"] == pytest.approx(reference.std(correction=0).item(), rel=1e-5)


@pytest.mark.parametrize("case", NOBODYS)
def test_what_is_not_attributed(case):
    net = Net(NOBODYS[case])
    with torch.no_grad():
        own = net.a(X)
    found = _measured(net)
    assert not any(key.startswith(("activation/", "saturation/")) for key in found)
    assert found["preactivation/std/01_a"] == pytest.approx(own.std(correction=0).item(), rel=1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_of_the_table_is_seen_when_its_module_runs(name):
    net = Net(lambda net, h: net.act(h), act=activation_layer(name))
    expected = activation_layer(name)(net.a(X)).detach()
    assert _measured(net)["activation/std/01_a"] == pytest.approx(expected.std(correction=0).item(), rel=1e-5)


def test_an_identity_is_no_activation():
    assert not any(key.startswith("activation/") for key in _measured(Net(lambda net, h: net.i(h), i=nn.Identity())))


def test_bounds_are_those_of_the_call():
    found = _measured(Net(lambda net, h: F.hardtanh(h, -0.05, 0.05)))
    assert 0.5 < found["saturation/share/01_a"] <= 1
    assert "saturation/share/01_a" not in _measured(Net(lambda net, h: F.leaky_relu(h, 0.2)))


def test_a_residual_block_does_not_give_its_sum_to_its_last_convolution():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1, self.conv2, self.bn2 = (
                *(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)),
                *(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)),
            )

        def forward(self, x: Tensor) -> Tensor:
            h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
            h += x
            return F.relu(h)

    block = Block()
    own = block.conv2(F.relu(block.bn1(block.conv1(X)))).detach()
    found = _measured(block)
    assert found["preactivation/std/02_conv2"] == pytest.approx(own.std(correction=0).item(), rel=1e-4)
    assert "activation/std/02_conv2" not in found and "activation/std/01_conv1" in found


def test_no_function_is_both_an_activation_and_one_that_passes_on():
    assert not ACTIVATING.keys() & CARRYING and F.relu in ACTIVATING and F.batch_norm in CARRYING


class _Nobody:
    def carried_to_activation(self, layer, x, units): ...
    def activation_ran(self, layer, function, arguments, y, units): ...
    def activation_is_ambiguous(self, layer): ...


def test_functions_return_what_they_return_without_it():
    with Attribution(_Nobody()):
        inside = F.max_pool2d(F.relu(F.conv2d(X, torch.ones(2, 3, 3, 3))), 2, return_indices=True)
    outside = F.max_pool2d(F.relu(F.conv2d(X, torch.ones(2, 3, 3, 3))), 2, return_indices=True)
    assert all(torch.equal(a, b) for a, b in zip(inside, outside, strict=True))


def test_a_network_that_the_optimizer_calls_is_seen():
    network = Net(lambda net, h: F.relu(h))
    optimizer, probe = torch.optim.LBFGS(network.parameters(), max_iter=1), Probe(network)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = network(X).square().sum()
        loss.backward()
        return loss

    with probe.watch():
        optimizer.step(closure)
    assert 0 < probe.read()["activation/zeros/01_a"] < 1


@pytest.mark.parametrize("reentrant", [True, False])
def test_layers_that_the_backward_pass_runs_are_seen_and_the_mode_is_left_as_it_was(reentrant):
    from torch.utils.checkpoint import checkpoint

    net, modes = Net(lambda net, h: F.relu(net.bn(h)), bn=nn.BatchNorm2d(4)), []
    net.bn.register_forward_hook(lambda *_: modes.append(torch.overrides._get_current_function_mode()))

    def run(x: Tensor) -> Tensor:
        h = net.a(x)
        attribution.own("01_a", h, Units(1, 4))
        return net.between(net, h)

    with Attribution(_Nobody()) as attribution:
        checkpoint(run, X.clone().requires_grad_(), use_reentrant=reentrant).sum().backward()
        modes.append(torch.overrides._get_current_function_mode())
    assert modes == [attribution] * 3 and torch.overrides._get_current_function_mode() is None


@pytest.mark.parametrize("fails", [False, True])
def test_an_optimizers_functions_are_not_looked_at(fails):
    seen = []

    class Optimizer(torch.optim.SGD):
        def step(self, closure=None) -> None:
            seen.append(torch.overrides._get_current_function_mode())
            if fails:
                raise OSError

    with Attribution(None) as attribution:
        seen.append(torch.overrides._get_current_function_mode())
        try:
            Optimizer([nn.Parameter(torch.ones(1))], lr=1.0).step()
        except OSError:
            assert fails
        else:
            seen.append(torch.overrides._get_current_function_mode())
    assert seen == [attribution, None, *([] if fails else [attribution])]
    assert torch.overrides._get_current_function_mode() is None
