"""Moments of an activation of a normal variable: h ~ N(M, S) -> E phi(h), E phi(h)^2, E phi'(h)^2.

Closed forms for the piecewise linear ones, 64-point Gauss-Hermite quadrature for tanh and sigmoid. M and S
are tensors of one shape in float64; S = 0 is allowed and means that h is the number M.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Activation:
    """`derivative`: phi' as a function of phi. `slope`: what the negative side is multiplied by (relu 0, linear
    1), None for a smooth activation, which goes from `low` to `high`."""

    function: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]
    slope: float | None = None
    low: float = -math.inf
    high: float = math.inf


LINEAR = Activation(lambda h: h, torch.ones_like, slope=1.0)
TANH = Activation(torch.tanh, lambda y: 1 - y.square(), low=-1.0, high=1.0)
SIGMOID = Activation(torch.sigmoid, lambda y: y * (1 - y), low=0.0, high=1.0)

# Up to this deviation 64 nodes give tanh's moments to 0.4 %; at 5 its slope would be half of what it is.
_WIDE = 2.0


def leaky_relu(slope: float) -> Activation:
    return Activation(
        lambda h: torch.where(h > 0, h, slope * h), lambda y: torch.where(y > 0, 1.0, slope).to(y.dtype), slope
    )


def of_module(module: nn.Module) -> Activation | None:
    """The activation that a module computes; None for one that has no moments here."""
    if type(module) is nn.LeakyReLU:
        return leaky_relu(module.negative_slope)
    known = {nn.ReLU: leaky_relu(0.0), nn.Tanh: TANH, nn.Sigmoid: SIGMOID, nn.Identity: LINEAR}
    return known.get(type(module))


def moments(activation: Activation, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(E phi, E phi^2, E phi'^2), each of the shape of `mean` and `variance`."""
    if activation.slope is None:
        return _by_quadrature(activation, mean, variance)
    sd = variance.sqrt()
    z = _standardized(mean, sd)
    above, density = torch.special.ndtr(z), _density(z)
    square = mean.square() + variance
    # Far below 0 the two terms cancel to rounding errors of either sign.
    positive = (mean * above + sd * density).clamp_min(0)
    positive_square = (square * above + mean * sd * density).clamp_min(0)
    a = activation.slope
    return (
        positive + a * (mean - positive),
        positive_square + a**2 * (square - positive_square),
        above + a**2 * (1 - above),
    )


def _by_quadrature(activation: Activation, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    sd = variance.sqrt()
    first, second, slope = torch.zeros_like(mean), torch.zeros_like(mean), torch.zeros_like(mean)
    # One node at a time: 64 copies of a batch of maps would not fit the cache.
    for node, weight in zip(*gauss_hermite(), strict=True):
        h = mean + node * sd
        value = activation.function(h)
        first += weight * value
        second += weight * value.square()
        slope += weight * activation.derivative(value).square()
    wide = sd > _WIDE
    if wide.any():
        first[wide], second[wide], slope[wide] = _of_wide(activation, mean[wide], sd[wide])
    return first, second, slope


def _of_wide(activation: Activation, mean: Tensor, sd: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The moments where the nodes lie too far apart for the bend: those of a step from low to high, and what
    differs from the step, which is nothing beyond |h| = 20, by Gauss-Legendre on either side."""
    above = torch.special.ndtr(mean / sd)
    low, high = activation.low, activation.high
    first, second, slope = low + (high - low) * above, low**2 + (high**2 - low**2) * above, torch.zeros_like(mean)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    for side, limit in ((-1, low), (1, high)):
        for distance, width in zip(10 * (nodes + 1), 10 * weights, strict=True):
            h = torch.full_like(mean, side * float(distance))
            share = float(width) * _density((h - mean) / sd) / sd
            value = activation.function(h)
            first += share * (value - limit)
            second += share * (value.square() - limit**2)
            slope += share * activation.derivative(value).square()
    return first, second, slope


def hermite_coefficients(activation: Activation, mean: Tensor, variance: Tensor, orders: int = 8) -> list[Tensor]:
    """a_n of phi(M + sqrt(S) z) = sum_n a_n He_n(z) / sqrt(n!), for n < orders.

    Two such variables with correlation r have E phi phi' = sum_n a_n a'_n r^n (Mehler 1866).
    """
    sd = variance.sqrt()
    if activation.slope is None:
        coefficients = [torch.zeros_like(mean) for _ in range(orders)]
        for node, weight in zip(*gauss_hermite(32), strict=True):
            value = weight * activation.function(mean + node * sd)
            for a, polynomial in zip(coefficients, hermite_polynomials(torch.tensor(node), orders), strict=True):
                a += float(polynomial) * value
        return coefficients
    # For relu E f(z) He_n(z) = E f^(n)(z) is the (n - 2)nd derivative of the density at the kink.
    z = _standardized(mean, sd)
    above, density = torch.special.ndtr(z), sd * _density(z)
    positive, slope = mean * above + density, activation.slope
    higher = [
        (1 - slope) * density * polynomial / math.sqrt(n * (n - 1))
        for n, polynomial in enumerate(hermite_polynomials(-z, orders - 2), start=2)
    ]
    return [positive + slope * (mean - positive), sd * (above + slope * (1 - above)), *higher]


def hermite_polynomials(z: Tensor, orders: int) -> list[Tensor]:
    """He_n(z) / sqrt(n!) for n < orders."""
    values = [torch.ones_like(z), z]
    for n in range(2, orders):
        values.append((z * values[-1] - math.sqrt(n - 1) * values[-2]) / math.sqrt(n))
    return values[:orders]


def gauss_hermite(nodes: int = 64) -> tuple[list[float], list[float]]:
    """Nodes z and weights w with sum w f(z) = E f(z), z ~ N(0, 1)."""
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    return z.tolist(), (w / w.sum()).tolist()


def _standardized(mean: Tensor, sd: Tensor) -> Tensor:
    """mean / sd, cut at 40, where the density is 0 in float64. A certain 0 counts as negative, as in torch's relu."""
    return torch.where(sd > 0, mean / sd, torch.where(mean > 0, torch.inf, -torch.inf)).clamp(-40, 40)


def _density(z: Tensor) -> Tensor:
    return torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi)
