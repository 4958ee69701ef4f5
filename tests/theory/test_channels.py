"""Channels of residual streams, against sampling."""

import pytest
import torch
from torch import nn

from cnnlab.networks.modules.moments import of_module
from cnnlab.theory import channels

RELU, TANH = of_module(nn.ReLU()), of_module(nn.Tanh())


def _stream() -> tuple[channels.Channels, torch.Tensor]:
    """relu(h) + f, and draws of it."""
    h, f = channels.normal(0.3, 1.0, 1), channels.normal(0.0, 0.5, 2)
    draws = torch.relu(0.3 + torch.randn(400_000).double()) + 0.5**0.5 * torch.randn(400_000).double()
    return channels.added([h.activated(RELU), f]), draws


@pytest.mark.parametrize("activation", [RELU, TANH], ids=["relu", "tanh"])
def test_moments_of_a_sum_that_is_not_normal(activation):
    stream, draws = _stream()
    assert not stream.normal
    level = torch.full((1, 1, 1), draws.mean().item()).double(), torch.full((1, 1, 1), draws.var().item()).double()
    first, second, slopes = stream.moments(activation, *level)
    value, slope = activation.with_derivative(draws)
    assert first.item() == pytest.approx(value.mean().item(), rel=1e-2)
    assert second.item() == pytest.approx(value.square().mean().item(), rel=1e-2)
    assert slopes.item() == pytest.approx(slope.square().mean().item(), rel=1e-2)


def test_normal_channels_are_normal_and_independent_of_other_places():
    a, b = channels.normal(2.0, 9.0, 0), channels.normal(0.0, 1.0, 1)
    assert (
        a.normal
        and a.values.mean().item() == pytest.approx(2.0)
        and a.values.std().item() == pytest.approx(3, rel=1e-2)
    )
    assert abs(torch.corrcoef(torch.stack([a.values, b.values]))[0, 1].item()) < 0.05
    assert torch.equal(a.values, channels.normal(2.0, 9.0, 0).values)


def test_what_one_activation_passes_on_the_next_is_likely_to():
    """P(relu(h) + f > 0 | h > 0) is larger than P(relu(h) + f > 0)."""
    h, f = channels.normal(0.0, 1.0, 1), channels.normal(0.0, 1.0, 2)
    above = channels.added([h.activated(RELU), f])
    passed = above.passed(RELU, channels.alike())
    assert passed.mean().item() == pytest.approx(1.0)
    below = h.passed(RELU, passed)
    z = torch.randn(400_000).double()
    both = ((torch.relu(z) + torch.randn(400_000).double() > 0) & (z > 0)).double().mean().item()
    one = (torch.relu(z) + torch.randn(400_000).double() > 0).double().mean().item()
    assert below.mean().item() == pytest.approx(both / (one * 0.5), rel=3e-2)


def test_joined_channels_are_of_all_branches():
    found = channels.joined([channels.normal(-5.0, 0.01, 0), channels.normal(5.0, 0.01, 1)], [0.25, 0.75])
    assert not found.normal and (found.values < 0).double().mean().item() == pytest.approx(0.25)


def test_standardized_channels_keep_their_shape():
    stream, _ = _stream()
    found = stream.standardized(2.0, 1.0)
    assert found.values.mean().item() == pytest.approx(1.0) and found.values.std().item() == pytest.approx(
        2.0, rel=1e-3
    )
    assert torch.equal(found.values.argsort(), stream.values.argsort())
