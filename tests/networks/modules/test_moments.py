"""Moments of every activation in the table: against Monte-Carlo, plain sums over a fine grid, and known limits."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from cnnlab.networks.modules import moments as m
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.table import activation_layer

OTHERS = {
    "leaky 0.2": nn.LeakyReLU(0.2),
    "elu 2": nn.ELU(2.0),
    "celu 3": nn.CELU(3.0),
    "softplus 0.5": nn.Softplus(0.5),
    "gelu by tanh": nn.GELU("tanh"),
    "hardtanh 0..2": nn.Hardtanh(0.0, 2.0),
    "relu in place": nn.ReLU(inplace=True),
}
MODULES = {name: activation_layer(name) for name in ACTIVATIONS} | OTHERS
KNOWN = {name: m.of_module(module) for name, module in MODULES.items() if m.of_module(module) is not None}


def grid(function, mean: float, variance: float) -> float:
    """E f(h) by the trapezoid rule with 800,001 points."""
    z = np.linspace(-10, 10, 800_001)
    density = np.exp(-(z**2) / 2)
    return float((function(mean + math.sqrt(variance) * z) * density).sum() / density.sum())


def value(name: str):
    def function(h: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return MODULES[name].double()(torch.tensor(h, dtype=torch.float64)).numpy()

    return function


def slope(name: str):
    """By central differences, a bend apart."""

    def function(h: np.ndarray) -> np.ndarray:
        step = 1e-6 * np.maximum(1.0, np.abs(h))
        return (value(name)(h + step) - value(name)(h - step)) / (2 * step)

    return function


def of(mean: float, variance: float) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([mean], dtype=torch.float64), torch.tensor([variance], dtype=torch.float64)


def test_all_but_those_without_straight_ends_are_known():
    assert set(MODULES) - set(KNOWN) == {"softsign"}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("mean", [0.0, 0.7, -1.5])
@pytest.mark.parametrize("variance", [1e-4, 0.01, 1.0, 3.5, 30.0, 900.0])
def test_moments_equal_a_fine_grid(name, mean, variance):
    first, second, tilt = m.moments(KNOWN[name], *of(mean, variance))
    assert first.item() == pytest.approx(grid(value(name), mean, variance), rel=1e-5, abs=1e-7)
    assert second.item() == pytest.approx(grid(lambda h: value(name)(h) ** 2, mean, variance), rel=1e-5, abs=1e-9)
    assert tilt.item() == pytest.approx(grid(lambda h: slope(name)(h) ** 2, mean, variance), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", KNOWN)
def test_moments_equal_monte_carlo(name):
    h = 0.3 + 1.7 * torch.randn(2_000_000, dtype=torch.float64)
    h.requires_grad_()
    y = MODULES[name].double()(h.clone())
    (tilt,) = torch.autograd.grad(y.sum(), h)
    found = m.moments(KNOWN[name], *of(0.3, 1.7**2))
    for expected, sample in zip(found, (y.detach(), y.detach().square(), tilt.square()), strict=True):
        error = float(sample.std()) / len(sample) ** 0.5
        assert abs(float(sample.mean()) - expected.item()) < 4.5 * error + 1e-9


@pytest.mark.parametrize("name", KNOWN)
def test_a_certain_value_is_its_own_moment(name):
    for at in (-2.0, 0.25, 0.5):
        first, second, tilt = m.moments(KNOWN[name], *of(at, 0.0))
        assert first.item() == pytest.approx(float(value(name)(np.array(at))), abs=1e-9)
        assert second.item() == pytest.approx(float(value(name)(np.array(at))) ** 2, rel=1e-8, abs=1e-9)
        assert tilt.item() == pytest.approx(float(slope(name)(np.array(at))) ** 2, abs=1e-6)


def test_a_certain_zero_lies_on_the_left_as_in_torch():
    assert m.moments(KNOWN["relu"], *of(0.0, 0.0))[2].item() == 0.0


def test_far_below_zero_relu_gives_no_negative_moment():
    first, second, _ = m.moments(KNOWN["relu"], *of(-10.0, 0.4))
    assert 0 <= first.item() < 1e-30 and 0 <= second.item() < 1e-30


def test_a_signal_near_the_end_of_float64_keeps_its_moments():
    for size in (1e-150, 1e150):
        first, second, tilt = m.moments(KNOWN["relu"], *of(0.0, size**2))
        assert first.item() == pytest.approx(size / math.sqrt(2 * math.pi))
        assert (second.item(), tilt.item()) == pytest.approx((size**2 / 2, 0.5))


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("mean", [0.0, 0.7])
def test_hermite_coefficients_equal_projections_on_a_fine_grid(name, mean):
    found = m.hermite_coefficients(KNOWN[name], *of(mean, 1.5))
    for n, coefficient in enumerate(found):
        basis = np.polynomial.hermite_e.HermiteE.basis(n)

        def projected(z, basis=basis, n=n):
            return value(name)(mean + math.sqrt(1.5) * z) * basis(z) / math.sqrt(math.factorial(n))

        assert coefficient.item() == pytest.approx(grid(projected, 0.0, 1.0), abs=1e-6)


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "selu", "leaky_relu"])
def test_gains_are_torchs_where_torch_has_one(name):
    assert m.gain(name) == nn.init.calculate_gain(name)
    assert m.gain("none") == 1


@pytest.mark.parametrize("name", ["leaky_relu", "prelu"])
def test_a_slope_is_the_given_one_or_that_which_the_layer_starts_with(name):
    """E phi^2 of a standard normal is (1 + slope^2) / 2."""
    start = {"leaky_relu": 0.01, "prelu": 0.25}[name]
    assert m.gain(name) == pytest.approx((2 / (1 + start**2)) ** 0.5)
    assert m.gain(name, 0.5) == pytest.approx((2 / 1.25) ** 0.5)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        *[("leaky_relu", nn.LeakyReLU(0.5)), ("prelu", nn.PReLU(init=0.5)), ("elu", nn.ELU(2.0))],
        *[("celu", nn.CELU(3.0)), ("softplus", nn.Softplus(5)), ("hardtanh", nn.Hardtanh(-2, 0.5))],
    ],
)
def test_a_modules_own_parameters_give_its_gain(name, module):
    z = torch.linspace(-9, 9, 100_001, dtype=torch.float64)
    weights = torch.exp(-(z**2) / 2) / torch.exp(-(z**2) / 2).sum()
    kept = (weights * module.double()(z).detach().square()).sum().item()
    assert m.gain_of_module(name, module) == pytest.approx(kept**-0.5, rel=1e-6) != m.gain(name)
    assert m.gain_of_module(name, activation_layer(name)) == m.gain(name)


def test_what_has_no_moments_has_no_gain_of_its_own():
    assert m.gain_of_module("softsign", nn.Softsign()) is None
    assert m.gain_of_module("prelu", nn.PReLU(3)) is None


@pytest.mark.parametrize("name", ["elu", "gelu", "silu", "mish", "softplus", "hardtanh", "celu", "relu6", "hardswish"])
def test_other_gains_keep_the_second_moment(name):
    z = torch.randn(4_000_000, dtype=torch.float64)
    kept = (m.gain(name) * activation_layer(name)(z)).square().mean().item()
    assert kept == pytest.approx(1.0, rel=5e-3)


def test_a_gain_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="softsign"):
        m.gain("softsign")


@pytest.mark.parametrize("name", KNOWN)
def test_only_what_scales_with_its_input_has_a_slope(name):
    h = torch.linspace(-3, 3, 61, dtype=torch.float64)
    function = KNOWN[name].function
    scales = all(torch.allclose(function(c * h), c * function(h)) for c in (0.1, 7.0)) and not (function(-h) > 0).all()
    assert (KNOWN[name].slope is not None) == scales


def test_the_module_stays_as_it_was_and_its_weight_may_be_computed():
    plain, computed = nn.PReLU(), nn.PReLU()
    register_parametrization(computed, "weight", nn.Identity())
    for module in (plain, computed):
        found = m.of_module(module)
        assert found is not None and found.function(torch.tensor([-1.0, 1.0]).double()).tolist() == [-0.25, 1.0]
        assert all(parameter.dtype == torch.float32 for parameter in module.parameters())
