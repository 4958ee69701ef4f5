"""E phi(h) phi(h') against a double sum over a fine grid of two normal variables."""

import math

import pytest
import torch
from torch import nn

from cnnlab.networks.modules import moments as a
from cnnlab.networks.modules.table import NoActivation
from cnnlab.theory.maps import HERE, MomentMaps
from cnnlab.theory.pairs import activated, slopes_between

NEXT = (0, 1)  # the step to the neighbour on the right


def naive(function, means: tuple[float, float], variances: tuple[float, float], r: float) -> float:
    z = torch.linspace(-7, 7, 1201, dtype=torch.float64)
    weight = torch.exp(-z.square() / 2)
    weight = weight / weight.sum()
    first = function(means[0] + math.sqrt(variances[0]) * z)
    second = function(means[1] + math.sqrt(variances[1]) * (r * z[:, None] + math.sqrt(1 - r * r) * z))
    return float(weight * first @ (second @ weight))


@pytest.mark.parametrize(
    "module",
    [nn.ReLU(), nn.LeakyReLU(0.3), NoActivation(), nn.Tanh(), nn.Sigmoid(), nn.GELU()],
    ids=lambda m: type(m).__name__,
)
@pytest.mark.parametrize("means", [(0.0, 0.0), (0.6, -0.4)])
@pytest.mark.parametrize("r", [-0.7, 0.0, 0.5, 0.95])
def test_two_positions(module, means, r):
    activation, variances = a.of_module(module), (1.5, 0.5)
    assert activation is not None
    mean, variance = torch.tensor([[means]]).double(), torch.tensor([[variances]]).double()
    covariance = r * math.sqrt(variances[0] * variances[1])
    h = MomentMaps(mean, torch.stack([variance, torch.tensor([[[covariance, 0.0]]]).double()], 1), (HERE, NEXT))
    first, second, _ = a.moments(activation, mean, variance)
    found = activated(h, activation, first, second)
    scale = math.sqrt(second[0, 0, 0].item() * second[0, 0, 1].item())
    expected = naive(activation.function, means, variances, r)
    assert found.pair(NEXT)[0, 0, 0].item() == pytest.approx(expected, abs=8e-3 * scale)
    assert found.pair(NEXT)[0, 0, 1].item() == 0, "the right neighbour of the last position lies outside"
    assert found.pair((0, -1))[0, 0].tolist() == [0, found.pair(NEXT)[0, 0, 0].item()]
    assert torch.equal(found.square, second)


@pytest.mark.parametrize(
    "module", [nn.ReLU(), nn.LeakyReLU(0.3), NoActivation(), nn.Tanh(), nn.GELU()], ids=lambda m: type(m).__name__
)
@pytest.mark.parametrize("means", [(0.0, 0.0), (0.6, -0.4)])
@pytest.mark.parametrize("r", [-0.7, 0.0, 0.5, 0.95])
def test_slopes_at_two_positions(module, means, r):
    activation, variances = a.of_module(module), (1.5, 0.5)
    assert activation is not None
    mean, variance = torch.tensor([[means]]).double(), torch.tensor([[variances]]).double()
    covariance = r * math.sqrt(variances[0] * variances[1])
    h = MomentMaps(mean, torch.stack([variance, torch.tensor([[[covariance, 0.0]]]).double()], 1), (HERE, NEXT))
    squares = a.moments(activation, mean, variance)[2]
    found = slopes_between(h, activation, squares)
    expected = naive(lambda x: activation.with_derivative(x)[1], means, variances, r)
    # The series ends at the eighth order, which a step notices.
    assert found[0, 1, 0, 0].item() == pytest.approx(expected, abs=0.05 if isinstance(module, nn.ReLU) else 0.02)
    assert found[0, 1, 0, 1].item() == 0, "the right neighbour of the last position lies outside"
    assert torch.equal(found[:, 0], squares)


def test_where_there_is_no_signal_slopes_are_those_of_the_mean():
    activation, nothing = a.of_module(nn.Tanh()), torch.zeros(1, 1, 2).double()
    assert activation is not None
    h = MomentMaps(nothing + 0.5, torch.zeros(1, 2, 1, 2).double(), (HERE, NEXT))
    squares = a.moments(activation, h.mean, nothing)[2]
    assert slopes_between(h, activation, squares)[0, 1, 0, 0].item() == pytest.approx((1 - math.tanh(0.5) ** 2) ** 2)


def test_equal_variables_keep_their_square():
    for module in (nn.ReLU(), nn.Tanh(), nn.Sigmoid()):
        activation = a.of_module(module)
        assert activation is not None
        mean, variance = torch.full((1, 1, 2), 0.3).double(), torch.full((1, 1, 2), 2.0).double()
        first, second, _ = a.moments(activation, mean, variance)
        h = MomentMaps(mean, torch.stack([variance, variance], 1), (HERE, NEXT))
        assert activated(h, activation, first, second).pair(NEXT)[0, 0, 0].item() == pytest.approx(
            second[0, 0, 0].item()
        )
