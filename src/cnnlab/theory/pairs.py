"""Products between positions after an activation, E phi(h) phi(h') for jointly normal h, h', and of its slopes."""

import math

import torch
from torch import Tensor

from cnnlab.networks.modules.moments import Activation, hermite_coefficients
from cnnlab.theory.maps import MomentMaps, Step, inside, partners


def activated(h: MomentMaps, activation: Activation, first: Tensor, second: Tensor) -> MomentMaps:
    """The moment maps of phi(h), given E phi and E phi^2 (N, H, W)."""
    if len(h.steps) == 1:
        return MomentMaps(first, second[:, None], h.steps)
    slope = None if bool(h.mean.any()) else activation.slope
    pairs = _by_hermite_orders(h, activation, second) if slope is None else _arc_cosine(h, slope)
    pairs = pairs * inside(h.size, h.steps)
    pairs[:, 0] = second
    return MomentMaps(first, pairs, h.steps)


def slopes_between(h: MomentMaps, activation: Activation, squares: Tensor) -> Tensor:
    """E phi'(h) phi'(h'), (N, D, H, W), given E phi'^2 (N, H, W)."""
    if len(h.steps) == 1:
        return squares[:, None]
    _, r = _correlation(h)
    slope = None if bool(h.mean.any()) else activation.slope
    if slope is None:
        sd = h.square.sqrt()
        # The derivative's coefficients, times sd, follow from the function's: He_n' = n He_(n - 1).
        values = hermite_coefficients(activation, h.mean, h.square)
        own = [n**0.5 * torch.where(sd > 0, a / sd, 0.0) for n, a in enumerate(values)][1:]
        own[0] = torch.where(sd > 0, own[0], squares.sqrt())
        pairs = _series(own, squares, r, h.steps)
    else:  # a step of height 1 - slope at 0
        pairs = slope + (1 - slope) ** 2 * (math.pi - r.acos()) / (2 * math.pi)
    pairs = pairs * inside(h.size, h.steps)
    pairs[:, 0] = squares
    return pairs


def _correlation(h: MomentMaps) -> tuple[Tensor, Tensor]:
    """Product of both standard deviations, and correlation, (N, D, H, W)."""
    scale = (h.square[:, None] * partners(h.square, h.steps)).sqrt()
    return scale, torch.where(scale > 0, h.pairs / scale, 0.0).clamp(-1, 1)


def _arc_cosine(h: MomentMaps, slope: float) -> Tensor:
    """Cho & Saul 2009, eq. 6, for mean 0: E relu relu' = sd sd' (sqrt(1 - r^2) + r (pi - acos r)) / (2 pi)."""
    scale, r = _correlation(h)
    relu = scale * ((1 - r.square()).sqrt() + r * (math.pi - r.acos())) / (2 * math.pi)
    # E x relu(x') is half the covariance, by symmetry.
    return slope * h.pairs + (1 - slope) ** 2 * relu


def _by_hermite_orders(h: MomentMaps, activation: Activation, second: Tensor) -> Tensor:
    return _series(hermite_coefficients(activation, h.mean, h.square), second, _correlation(h)[1], h.steps)


def _series(coefficients: list[Tensor], second: Tensor, r: Tensor, steps: tuple[Step, ...]) -> Tensor:
    """Mehler's series; the variance in the truncated orders is assigned to the next order."""
    rest = (second - torch.stack(coefficients).square().sum(0)).clamp_min(0)
    total, power = torch.zeros_like(r), torch.ones_like(r)
    for a in (*coefficients, rest.sqrt()):
        if bool(a.abs().max() > 1e-12):  # tanh at mean 0 has odd orders only
            total += a[:, None] * partners(a, steps) * power
        power = power * r
    return total
