"""Moments of an activation under normal input: h ~ N(M, S) -> E phi(h), E phi(h)^2, E phi'(h)^2.

An activation is the sum of linear pieces, in closed form, and a remainder that vanishes away from 0, integrated by
Gauss-Legendre quadrature between the breakpoints. M and S are float64 tensors of the same shape; S = 0 means that
h = M with certainty.
"""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.special import ndtr

from cnnlab.networks.modules.activations import ACTIVATIONS, Piece
from cnnlab.networks.modules.table import activation_layer, layer_type

_FAR = 9.0  # standard deviations; a normal variable exceeds them with probability 2e-19
_NODES = 32  # per interval


@dataclass(frozen=True)
class Activation:
    """An elementwise function of a tensor, and its linear pieces."""

    function: Callable[[Tensor], Tensor]
    pieces: tuple[Piece, ...]
    exact: bool
    reach: float = 20.0

    def with_derivative(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """phi(h) and phi'(h); the derivative is that of the pieces if exact, else by autograd."""
        if self.exact:
            return self.function(h), _straight(self.pieces, h)[1]
        with torch.enable_grad():
            x = h.detach().requires_grad_()
            value = self.function(x)
            return value.detach(), torch.autograd.grad(value.sum(), x)[0]

    @property
    def slope(self) -> float | None:
        """The slope left of 0, for the positively homogeneous ones: relu, leaky relu, the identity."""
        left, right = self.pieces[0], self.pieces[-1]
        through_origin = self.exact and len(self.pieces) <= 2 and left.intercept == right.intercept == 0
        if not through_origin or right.slope != 1 or (left is not right and left.upper != 0):
            return None
        return left.slope


LINEAR = Activation(lambda h: h, (Piece(math.inf, 1, 0),), exact=True)


def of_module(module: nn.Module) -> Activation | None:
    """The activation that a module computes; None if it has no moments."""
    known = layer_type(module)
    kind = known.activation if known else None
    pieces = kind.pieces(module) if kind else None
    if kind is None or pieces is None:
        return None
    if len(pieces) == 1:
        return LINEAR

    # Not copied deeply as a whole: a hook may have left what cannot be copied.
    own = object.__new__(type(module))
    weights = {part: copy.deepcopy(vars(module)[part]) for part in ("_parameters", "_buffers", "_modules")}
    vars(own).update(vars(module) | weights)
    own.to("cpu", torch.float64)  # prelu's weight has the network's device and dtype
    # By `forward`, without the hooks on the module. Clone, since it may work in place.
    return Activation(lambda h: own.forward(h.clone()), pieces, kind.exact, kind.reach(module))


def moments(activation: Activation, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(E phi, E phi^2, E phi'^2), each shaped like `mean` and `variance`."""
    sd = variance.sqrt()
    first, second, slope = (torch.zeros_like(mean) for _ in range(3))
    for piece, share, one, two in _pieces(activation.pieces, mean, sd):
        a, b = piece.slope, piece.intercept
        first += a * one + b * share
        second += a**2 * two + 2 * a * b * one + b**2 * share
        slope += a**2 * share
    if not activation.exact:
        for h, _, weight in _nodes(activation, mean, sd):
            value, derivative = activation.with_derivative(h)
            straight, tilt = _straight(activation.pieces, h)
            first += weight * (value - straight)
            second += weight * (value.square() - straight.square())
            slope += weight * (derivative.square() - tilt.square())
    return first, second.clamp_min(0), slope.clamp_min(0)


@cache
def gain(name: str, slope: float | None = None) -> float:
    """The gain that preserves the second moment across layers, for an activation named in ACTIVATIONS.

    torch.nn.init.calculate_gain's where it has one (its 5/3 for tanh and 3/4 for selu do not follow the rule);
    else 1 / sqrt(E phi(z)^2) for standard normal z. `slope`: of leaky_relu and prelu; None: the one that they
    start with, 0.01 and 0.25.
    """
    if name in ("leaky_relu", "prelu"):
        own = of_module(activation_layer(name)) if slope is None else None
        return nn.init.calculate_gain("leaky_relu", own.slope if own else slope)
    if name in ("none", "linear"):
        return 1.0
    try:
        return nn.init.calculate_gain(name)  # type: ignore[arg-type]
    except ValueError:
        if name not in ACTIVATIONS:
            raise
    usual = _usual_second_moment(name)
    if usual is None:
        raise ValueError(f"no gain is known for {name}")
    return usual**-0.5


def gain_of_module(name: str, module: nn.Module) -> float | None:
    """`gain` of the activation of that name, for the parameters that this one has, as a slope; None if it has no
    moments."""
    own, usual = of_module(module), _usual_second_moment(name)
    if own is None or usual is None:
        return None
    return gain(name) * math.sqrt(usual / _second_moment(own))


@cache
def _usual_second_moment(name: str) -> float | None:
    """That of the activation of that name with the parameters that it starts with; None if it has no moments."""
    usual = of_module(activation_layer(name))
    return None if usual is None else _second_moment(usual)


def _second_moment(activation: Activation) -> float:
    """E phi(z)^2 for standard normal z."""
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    return float(moments(activation, zero, one)[1])


def hermite_coefficients(activation: Activation, mean: Tensor, variance: Tensor, orders: int = 8) -> list[Tensor]:
    """a_n of phi(M + sqrt(S) z) = sum_n a_n He_n(z) / sqrt(n!), for n < orders.

    Two such variables with correlation r have E phi phi' = sum_n a_n a'_n r^n (Mehler 1866).
    """
    sd = variance.sqrt()
    coefficients = _of_pieces(activation.pieces, mean, sd, orders)
    if not activation.exact:
        for h, z, weight in _nodes(activation, mean, sd):
            rest = weight * (activation.function(h) - _straight(activation.pieces, h)[0])
            for a, polynomial in zip(coefficients, hermite_polynomials(z, orders), strict=True):
                a += rest * polynomial
    return coefficients


def _of_pieces(pieces: tuple[Piece, ...], mean: Tensor, sd: Tensor, orders: int) -> list[Tensor]:
    """The coefficients of the first line, plus a jump and a change of slope at each breakpoint."""
    line = pieces[0]
    coefficients = [line.slope * mean + line.intercept, line.slope * sd]
    coefficients += [torch.zeros_like(mean) for _ in range(orders - 2)]
    for left, right in pairwise(pieces):
        at, bend = left.upper, right.slope - left.slope
        jump = (right.slope * at + right.intercept) - (left.slope * at + left.intercept)
        z = _standardized(at - mean, sd)
        above, density = ndtr(-z), _density(z)
        # E f(z) He_n(z) = E f^(n)(z); step and ramp have their higher derivatives at the breakpoint alone.
        values = hermite_polynomials(z, orders)
        coefficients[0] = coefficients[0] + jump * above + bend * (sd * density - (at - mean) * above)
        coefficients[1] = coefficients[1] + jump * density + bend * sd * above
        for n in range(2, orders):
            of_jump = jump * density * values[n - 1] / math.sqrt(n)
            of_bend = bend * sd * density * values[n - 2] / math.sqrt(n * (n - 1))
            coefficients[n] = coefficients[n] + of_jump + of_bend
    return coefficients


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


def _pieces(pieces: tuple[Piece, ...], mean: Tensor, sd: Tensor) -> Iterator[tuple[Piece, Tensor, Tensor, Tensor]]:
    """Each piece with P(h in it), E h 1(h in it) and E h^2 1(h in it)."""
    low, low_z = -math.inf, torch.full_like(mean, -math.inf)
    for piece in pieces:
        high, high_z = piece.upper, _standardized(piece.upper - mean, sd)
        below, above = ndtr(high_z) - ndtr(low_z), ndtr(-low_z) - ndtr(-high_z)
        # From the nearer tail: the difference of two probabilities near 1 loses all digits.
        share = torch.where(low_z > 0, above, below)
        left, right = _density(low_z), _density(high_z)
        one = mean * share + sd * (left - right)
        two = (mean.square() + sd.square()) * share + sd * (_times(mean + low, left) - _times(mean + high, right))
        # Far out in a tail the terms cancel to rounding error of either sign.
        if math.isfinite(low):
            one = torch.maximum(one, low * share)
        if math.isfinite(high):
            one = torch.minimum(one, high * share)
        yield piece, share, one, two.clamp_min(0)
        low, low_z = high, high_z


def _times(factor: Tensor, density: Tensor) -> Tensor:
    """factor * density, with infinity * 0 = 0."""
    return torch.where(density > 0, factor * density, 0.0)


def _nodes(activation: Activation, mean: Tensor, sd: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(h, z, weight x density) of the quadrature of the remainder."""
    places = [-activation.reach, *(piece.upper for piece in activation.pieces[:-1]), activation.reach]
    ends = [_standardized(place - mean, sd).clamp(-_FAR, _FAR) for place in places]
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    for low, high in pairwise(ends):
        if not bool((high > low).any()):
            continue
        middle, half = (low + high) / 2, (high - low) / 2
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
            z = middle + node * half
            yield mean + sd * z, z, weight * half * _density(z)


def _straight(pieces: tuple[Piece, ...], h: Tensor) -> tuple[Tensor, Tensor]:
    """Value and slope of the linear pieces at h."""
    value, tilt = torch.zeros_like(h), torch.zeros_like(h)
    for piece in reversed(pieces):
        inside = h <= piece.upper
        value = torch.where(inside, piece.slope * h + piece.intercept, value)
        tilt = torch.where(inside, piece.slope, tilt)
    return value, tilt


def _standardized(distance: Tensor, sd: Tensor) -> Tensor:
    """distance / sd, clamped to 40, where the float64 density is 0. For sd = 0, a breakpoint is in the piece below."""
    return torch.where(sd > 0, distance / sd, torch.where(distance >= 0, torch.inf, -torch.inf)).clamp(-40, 40)


def _density(z: Tensor) -> Tensor:
    return torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi)
