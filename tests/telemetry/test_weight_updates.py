"""The gradients that moved the weights, however early they are cleared."""

import pytest
import torch
from torch import nn

from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.weight_updates import WeightUpdates

X = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


def _layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def _true(layer: nn.Linear) -> torch.Tensor:
    return torch.autograd.grad(layer(X).square().sum(), layer.weight)[0]


def _step(layer: nn.Linear, behind: str, intact: set[str]) -> WeightUpdates:
    updates, optimizer = WeightUpdates({"01": layer}, intact), torch.optim.SGD(layer.parameters(), 0.1)
    handles = updates.listen()
    layer.zero_grad()
    layer(X).square().sum().backward()
    optimizer.step()
    if behind != "nothing":
        optimizer.zero_grad(set_to_none=behind == "none")
    if behind == "more":
        (1000 * layer(X)).sum().backward()
    for handle in handles:
        handle.remove()
    return updates


@pytest.mark.parametrize("behind", ["nothing", "none", "zeros", "more"])
def test_gradients_are_those_of_the_optimizer_s_step(behind):
    layer, intact = _layer(), set()
    for _ in range(3):
        expected, before = _true(layer), layer.weight.detach().clone()
        updates = _step(layer, behind, intact)
        new, gradient, update = updates.of("01")
        assert torch.equal(gradient, expected) and not updates.lost
        assert torch.equal(new, layer.weight) and torch.equal(update, new - before)
    assert intact == (set() if behind in ("zeros", "more") else {"01"})


def test_a_copy_is_kept_in_steps_behind_which_the_gradient_may_change():
    layer, intact = _layer(), set()
    _step(layer, "nothing", intact).of("01")
    turned = _step(layer, "zeros", intact)
    assert turned.of("01")[1].isnan().all() and turned.lost == {"01"}
    expected = _true(layer)
    assert torch.equal(_step(layer, "zeros", intact).of("01")[1], expected)


def test_an_optimizer_in_the_backward_pass():
    layer = _layer()
    expected, optimizer = _true(layer), torch.optim.SGD([layer.weight], 0.1)

    def update(weight):
        optimizer.step()
        optimizer.zero_grad()

    layer.weight.register_post_accumulate_grad_hook(update)
    updates = WeightUpdates({"01": layer}, set())
    handles = updates.listen()
    layer(X).square().sum().backward()
    for handle in handles:
        handle.remove()
    assert layer.weight.grad is None and torch.equal(updates.of("01")[1], expected)


def test_without_an_optimizer_the_gradient_is_what_is_there_at_the_end():
    layer = _layer()
    expected, updates = _true(layer), WeightUpdates({"01": layer}, set())
    layer(X).square().sum().backward()
    assert torch.equal(updates.of("01")[1], expected)
    with torch.no_grad():
        layer.weight -= 0.1 * layer.weight.grad
    layer.weight.grad = None
    assert updates.of("01")[1].isnan().all() and updates.lost == {"01"}, "an update, and no gradient to explain it"


def test_what_no_gradient_reaches_has_none():
    updates = WeightUpdates({"01": _layer()}, set())
    _, gradient, update = updates.of("01")
    assert not gradient.any() and not update.any() and not updates.lost


def test_complex_weights_and_those_without_a_shape_are_left_out():
    layers = {"01": nn.LazyLinear(2), "02": nn.Linear(2, 2, dtype=torch.complex64), "03": _layer()}
    assert list(WeightUpdates(layers, set()).before) == ["03"]


def test_weights_that_are_drawn_anew_before_the_optimizers_step_are_no_update_of_it():
    """Adam's first step moves no weight by more than its rate."""
    torch.manual_seed(0)
    network = nn.Linear(4, 3)
    optimizer, probe = torch.optim.Adam(network.parameters(), 1e-3), Probe(network)
    with probe.watch():
        network.reset_parameters()
        drawn = network.weight.detach().clone()
        network(torch.randn(8, 4)).square().sum().backward()
        optimizer.step()
    expected = (network.weight - drawn).norm() / network.weight.norm()
    assert probe.read()["weight/update_ratio/01_network"] == pytest.approx(expected.item(), rel=1e-4)


def test_two_steps_of_an_optimizer_are_one_update():
    torch.manual_seed(0)
    network = nn.Linear(4, 3)
    before = network.weight.detach().clone()
    optimizer, probe = torch.optim.SGD(network.parameters(), 1e-2), Probe(network)
    with probe.watch():
        for _ in range(2):
            network(torch.randn(8, 4)).square().sum().backward()
            optimizer.step()
    expected = (network.weight - before).norm() / network.weight.norm()
    assert probe.read()["weight/update_ratio/01_network"] == pytest.approx(expected.item(), rel=1e-4)
