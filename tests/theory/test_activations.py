"""Moments of activations: against plain sums over a fine grid of the normal density, and limits known exactly."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from cnnlab.theory import activations as a

ALL = {
    "relu": (a.of_module(nn.ReLU()), lambda h: np.maximum(h, 0), lambda h: (h > 0) * 1.0),
    "leaky": (a.of_module(nn.LeakyReLU(0.2)), lambda h: np.where(h > 0, h, 0.2 * h), lambda h: np.where(h > 0, 1, 0.2)),
    "none": (a.of_module(nn.Identity()), lambda h: h, lambda h: h * 0 + 1),
    "tanh": (a.of_module(nn.Tanh()), np.tanh, lambda h: np.cosh(np.clip(h, -300, 300)) ** -2.0),
    "sigmoid": (a.of_module(nn.Sigmoid()), lambda h: 1 / (1 + np.exp(-h)), lambda h: 0.25 * np.cosh(h / 2) ** -2.0),
}


def naive(function, mean: float, variance: float) -> float:
    """E f(h) by the trapezoid rule with 400,001 points."""
    z = np.linspace(-10, 10, 400_001)
    density = np.exp(-(z**2) / 2)
    return float((function(mean + math.sqrt(variance) * z) * density).sum() / density.sum())


def of(mean: float, variance: float) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([mean], dtype=torch.float64), torch.tensor([variance], dtype=torch.float64)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("mean", [0.0, 0.7, -1.5])
@pytest.mark.parametrize("variance", [0.01, 1.0, 3.5, 30.0, 900.0])
def test_moments_equal_a_fine_grid(name, mean, variance):
    activation, function, derivative = ALL[name]
    first, second, slope = a.moments(activation, *of(mean, variance))
    assert first.item() == pytest.approx(naive(function, mean, variance), rel=2e-4, abs=1e-6)
    assert second.item() == pytest.approx(naive(lambda h: function(h) ** 2, mean, variance), rel=2e-3, abs=1e-9)
    assert slope.item() == pytest.approx(naive(lambda h: derivative(h) ** 2, mean, variance), rel=5e-3)


def test_a_certain_value_is_its_own_moment():
    for activation, function, derivative in ALL.values():
        for value in (-2.0, 0.0, 0.5):
            first, second, slope = a.moments(activation, *of(value, 0.0))
            assert first.item() == pytest.approx(float(function(np.float64(value))))
            assert second.item() == pytest.approx(float(function(np.float64(value))) ** 2)
            assert slope.item() == pytest.approx(float(derivative(np.float64(value))) ** 2)


def test_far_below_zero_relu_gives_no_negative_moment():
    first, second, _ = a.moments(a.leaky_relu(0.0), *of(-10.0, 0.4))
    assert 0 <= first.item() < 1e-30 and 0 <= second.item() < 1e-30


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("mean", [0.0, 0.7])
def test_hermite_coefficients_equal_projections_on_a_fine_grid(name, mean):
    activation, function, _ = ALL[name]
    found = a.hermite_coefficients(activation, *of(mean, 1.5))
    for n, coefficient in enumerate(found):
        basis = np.polynomial.hermite_e.HermiteE.basis(n)

        def projected(z, basis=basis, n=n):
            return function(mean + math.sqrt(1.5) * z) * basis(z) / math.sqrt(math.factorial(n))

        assert coefficient.item() == pytest.approx(naive(projected, 0.0, 1.0), abs=2e-4)


def test_an_activation_without_moments_is_none():
    assert a.of_module(nn.GELU()) is None
