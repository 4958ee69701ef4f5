"""Batch norm of two processes against one over the whole batch: values, gradients, what is remembered."""

import torch
import torch.nn.functional as F
from torch import nn

from cnnlab.networks.global_norm import global_norms
from cnnlab.telemetry.probe import Probe

LAYERS = {
    "affine": lambda: nn.BatchNorm2d(3),
    "plain": lambda: nn.BatchNorm2d(3, affine=False),
    "cumulative": lambda: nn.BatchNorm2d(3, momentum=None),
    "forgetful": lambda: nn.BatchNorm2d(3, track_running_stats=False),
    "flat": lambda: nn.Sequential(nn.Flatten(), nn.BatchNorm1d(12)),
}
X = torch.randn(8, 3, 2, 2, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 9)[:, None, None, None] + 5
LOSS = torch.randn(8, 12, generator=torch.Generator().manual_seed(1))


def _measured(layer: nn.Module, x: torch.Tensor, weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """After two passes, of which the second is looked at."""
    layer(x * 2)
    x = x.clone().requires_grad_()
    y = layer(x)
    (y.flatten(1) * weights).sum().backward()
    found = {"y": y.detach(), "x": x.grad}
    return found | {name: p.grad for name, p in layer.named_parameters()} | dict(layer.named_buffers())


def _part(ranks, x, weights):
    own = slice(4 * ranks.rank, 4 * ranks.rank + 4)
    with global_norms(ranks._norms):
        found = {name: _measured(make(), x[own], weights[own]) for name, make in LAYERS.items()}
        layer = nn.BatchNorm2d(3).eval()
        found["evaluation"] = {"y": layer(x[own]) - F.batch_norm(x[own], torch.zeros(3), torch.ones(3))}
        bf16 = nn.BatchNorm2d(3)(x[own].bfloat16())
        found["type"] = {"y": torch.tensor(bf16.dtype == torch.bfloat16)}
        network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ReLU())
        probe = Probe(network)
        with probe.watch():
            network(x[own]).sum().backward()
    found["activation"] = {"y": torch.tensor("activation/mean/01_0" in probe.values)}
    return found


def test_two_parts_are_normalized_as_one_batch(by_two):
    first, second = by_two(_part, X, LOSS)
    for name, make in LAYERS.items():
        whole = _measured(make(), X, LOSS)
        for key, value in whole.items():
            parts = first[name][key], second[name][key]
            if key in ("y", "x"):
                found = torch.cat(parts)
            elif key in ("weight", "bias") or key.endswith((".weight", ".bias")):
                found = parts[0] + parts[1]  # DDP's task
            else:
                torch.testing.assert_close(*parts, rtol=0, atol=0)
                found = parts[0]
            torch.testing.assert_close(found, value, rtol=1e-4, atol=1e-5, msg=f"{name} {key}")


def test_evaluation_and_types_are_torchs_and_the_activation_behind_is_attributed(by_two):
    for found in by_two(_part, X, LOSS):
        assert not found["evaluation"]["y"].any() and found["type"]["y"] and found["activation"]["y"]


def test_outside_each_process_normalizes_its_own_batch():
    before = F.batch_norm
    with global_norms(None):
        assert F.batch_norm is not before
    assert F.batch_norm is before
