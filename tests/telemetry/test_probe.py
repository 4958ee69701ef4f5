"""Probe: the right tensors, on any module, and nothing changed by looking."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.layers import weight_layers
from cnnlab.telemetry.probe import Probe

X, Y = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(1)), torch.arange(8) % 3


def _network(**knobs) -> ConvNet:
    torch.manual_seed(0)
    return ConvNet((1, 8, 8), 3, **{"channels": [3, 4], "head": [5], **knobs})


def _step(net: nn.Module, optimizer: torch.optim.Optimizer, scale: float = 1.0) -> torch.Tensor:
    loss = F.cross_entropy(net(X), Y)
    optimizer.zero_grad()
    (scale * loss).backward()
    optimizer.step()
    return loss.detach()


def _naive(net: ConvNet) -> dict[str, float]:
    """Layer by layer by hand: values, then gradients through autograd.grad."""
    h, kept = X, {}
    layers = iter(weight_layers(net))
    for block in net:
        for module in block:
            h = module(h)
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                kept[key := next(layers)] = [h]
            elif isinstance(module, nn.ReLU):
                kept[key].append(h)
    gradients = torch.autograd.grad(F.cross_entropy(h, Y), [values[0] for values in kept.values()])
    result = {}
    for (key, (before, *after)), gradient in zip(kept.items(), gradients, strict=True):
        result[f"preactivation/std/{key}"] = before.std(correction=0).item()
        result[f"gradient/std/{key}"] = gradient.std(correction=0).item()
        result[f"gradient/mean/{key}"] = gradient.mean().item()
        for x in after:
            result[f"activation/mean/{key}"] = x.mean().item()
            result[f"activation/zeros/{key}"] = (x == 0).float().mean().item()
    return result


def test_values_and_gradients_are_those_of_a_loop_by_hand():
    net = _network()
    expected = _naive(net)
    probe = Probe(net)
    with probe.watch():
        _step(net, torch.optim.SGD(net.parameters(), 0.1))
    got = probe.read()
    assert {k: got[k] for k in expected} == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_weights_updates_and_weight_gradients():
    net = _network()
    old = {k: m.weight.detach().clone() for k, m in weight_layers(net).items()}
    probe = Probe(net)
    with probe.watch():
        _step(net, torch.optim.SGD(net.parameters(), 0.1))
    got = probe.read()
    for key, layer in weight_layers(net).items():
        update = (0.1 * layer.weight.grad).norm() / layer.weight.norm()
        assert got[f"weight/update_ratio/{key}"] == pytest.approx(update.item(), rel=1e-3)
        assert got[f"weight/gradient_std/{key}"] == pytest.approx(layer.weight.grad.std(correction=0).item(), rel=1e-4)
        assert not torch.equal(old[key], layer.weight)


def test_looking_changes_nothing():
    losses = []
    for look in (False, True):
        net = _network(dropout=0.3, norm="batch")
        optimizer, probe = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9), Probe(net)
        torch.manual_seed(3)
        run = []
        for _ in range(5):
            if look:
                with probe.watch():
                    run.append(_step(net, optimizer))
            else:
                run.append(_step(net, optimizer))
        losses.append(torch.stack(run))
    assert torch.equal(*losses)


def test_no_hook_is_left_behind_even_after_an_error():
    net = _network()
    with pytest.raises(RuntimeError), Probe(net).watch():
        net(torch.zeros(1, 2, 3, 3))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_gradients_are_read_unscaled():
    results = []
    for scale in (1.0, 1024.0):
        net = _network()
        probe = Probe(net)
        with probe.watch(torch.tensor(scale)):
            _step(net, torch.optim.SGD(net.parameters(), 0.0), scale)
        results.append({k: v for k, v in probe.read().items() if k.startswith("gradient/")})
    assert results[0] == pytest.approx(results[1], rel=1e-5, abs=1e-12)


def test_in_place_activations_do_not_hide_the_preactivation():
    out, inplace = (
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace), nn.Flatten(), nn.Linear(144, 3))
        for inplace in (False, True)
    )
    inplace.load_state_dict(out.state_dict())
    values = []
    for net in (out, inplace):
        probe = Probe(net)
        with probe.watch():
            _step(net, torch.optim.SGD(net.parameters(), 0.1))
        values.append(probe.read())
    assert values[0] == pytest.approx(values[1])
    assert values[0]["preactivation/mean/01_0"] == pytest.approx(0, abs=1e-5)  # what batch norm hands to the ReLU


@pytest.mark.parametrize("activation, bounded", [("tanh", True), ("sigmoid", True), ("relu", False), ("none", False)])
def test_only_bounded_activations_saturate(activation, bounded):
    net = _network(activation=activation)
    probe = Probe(net)
    with probe.watch():
        net(X).sum().backward()
    assert any(k.startswith("saturation/share/") for k in probe.read()) == bounded


def test_the_first_images_only():
    net = _network()
    probe = Probe(net, images=2)
    with probe.watch():
        net(X)
    assert probe.read()["preactivation/mean/01_block1.conv1"] == pytest.approx(net.block1.conv1(X[:2]).mean().item())


def test_without_statistics_no_hook_is_set():
    net = _network()
    probe = Probe(net, {})
    with probe.watch():
        assert not any(m._forward_hooks for m in net.modules())
    assert probe.read() == {}
    assert probe.read({"train/loss": torch.tensor(1.5)}) == {"train/loss": 1.5}
