"""How far one network of finite width strays from the mean over networks: variances of ln q, layer by layer.

A layer's second moment q is an average over c channels, each of them a draw. It strays by kappa / c, where kappa is
the relative variance of one channel's share of q over images and positions: the more alike these are, the less
their average leaves of it. Every layer adds its own, since the next ones grow with q. With all patches alike and
relu, kappa is 5, the known 5 / width a layer (Hanin & Rolnick 2018, arXiv:1803.01719).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnlab.networks.modules.moments import Activation, gauss_hermite, hermite_polynomials, moments
from cnnlab.theory.chain import Layer
from cnnlab.theory.propagation import Signal
from cnnlab.theory.softmax import gradient_scatter

_PATCHES, _ORDERS = 128, 8
_STEP = 1.02  # of a variance, for logarithmic derivatives
# Positions of a map are less alike than their pre-activations' correlation says: over 20 layers of relu on 8x8 maps
# of MNIST and CIFAR-10, at 16 and 64 channels, 0.6 to 0.9 of the variance without this was measured.
_OF_MAPS = 0.75


@dataclass(frozen=True)
class Scatter:
    """Variance over networks of ln (squared deviation), of a layer's pre-activations, activations and gradients."""

    preactivation: float
    activation: float
    gradient: float


@dataclass(frozen=True)
class _Below:
    """What a layer's gradient will need: kappa of phi'^2, how alike phi' is, and what q's own scatter does to it."""

    kappa: float
    alike: float
    strayed: float


def scatter(layers: list[Layer], signals: list[Signal], images: Tensor) -> list[Scatter]:
    """One entry a layer. `images`: (N, C, H, W), of which 128 patches are followed through the layers."""
    size, alike = _patches(layers[0], images)
    carried, forward, below = 0.0, [], []
    for layer, signal in zip(layers, signals, strict=True):
        patches = _Patches(layer.activation, float(signal.mean.mean()), float(signal.variance.mean()) * size, alike)
        c = layer.c_out
        kappa = patches.preactivation
        if layer.output == (1, 1) and kappa > 0:
            kappa += (2 - kappa) / len(images)  # where each image has one value, so much of all pairs is it with itself
        preactivation = carried + _of_mean_square(kappa, c)
        deviation = patches.kappa((patches.values - patches.centre).square())
        activation = patches.growth(lambda first, second, _: second - first**2) ** 2 * carried
        forward.append((preactivation, activation + math.log1p(deviation / c)))
        below.append(
            _Below(
                patches.kappa(patches.slopes.square()),
                patches.alike(patches.slopes),
                patches.growth(lambda *slope: slope[2]) ** 2 * preactivation,
            )
        )
        carried = patches.growth(lambda _, second, __: second) ** 2 * carried
        carried += (_OF_MAPS if layer.output != (1, 1) else 1) * math.log1p(patches.kappa(patches.values.square()) / c)
        top = (signal.variance.flatten(), float(alike.mean()), forward[-1][0])
        size, alike = patches.activated()
        if any(pool.whole for pool in layer.pools):
            # What averages of whole images differ in is small; their being alike bounds the scatter.
            size, alike = torch.ones_like(size), torch.ones_like(alike)
    gradients = _gradients(layers, below, *gradient_scatter(top[0], layers[-1].c_out, *top[1:]))
    return [Scatter(p, a, g) for (p, a), g in zip(forward, gradients, strict=True)]


def _of_mean_square(kappa: float, channels: int) -> float:
    """Variance of ln of a squared deviation over channels: trigamma, as of a chi-square; 2 / channels for many."""
    half = max(channels - 1, 1) / kappa if kappa > 0 else math.inf
    return float(torch.special.polygamma(1, torch.tensor(half))) if math.isfinite(half) else 0.0


def _gradients(layers: list[Layer], below: list[_Below], scatter: float, together: float) -> list[float]:
    """From the logits down. `together`: mean r^2 of the gradients that channels get, over images and positions."""
    gradients = [scatter]
    for layer, above, now in reversed(list(zip(layers, layers[1:], below, strict=False))):
        if above.kernel == layer.pooled:
            # Weights of their own for each position: gradients at two positions have nothing in common.
            together /= above.kernel[0] * above.kernel[1]
        kappa = (1 + now.kappa) * (1 + 2 * together) - 1
        gradients.append(gradients[-1] + math.log1p(kappa / layer.c_out) + now.strayed)
        # What was unalike becomes a little alike in each layer, as vectors of finite length do.
        together *= now.alike**2
        together += (1 - together) / (layer.c_out * layer.kernel[0] * layer.kernel[1])
    return gradients[::-1]


def _patches(layer: Layer, images: Tensor) -> tuple[Tensor, Tensor]:
    """Of some patches that the first layer sees: mean square relative to the others', (P,), correlations (P, P)."""
    patches = F.unfold(F.pad(images, layer.padding), layer.kernel, stride=layer.stride).transpose(1, 2).flatten(0, 1)
    chosen = torch.linspace(0, len(patches) - 1, min(_PATCHES, len(patches))).long()
    products = patches[chosen] @ patches[chosen].T
    squares = products.diagonal()
    scale = (squares[:, None] * squares).sqrt()
    mean = squares.mean()
    return squares / mean if mean > 0 else squares, torch.where(scale > 0, products / scale, 0.0).clamp(-1, 1)


class _Patches:
    """Pre-activations h ~ N(M, S) of several patches with correlations, by quadrature and Mehler's series.

    Piecewise linear activations see M / sqrt(S) only, so their S is scaled to 1, far from any overflow.
    """

    def __init__(self, activation: Activation, mean: float, variance: Tensor, correlation: Tensor):
        typical = float(variance.mean())
        if activation.slope is not None and typical > 0:
            mean, variance, typical = mean / typical**0.5, variance / typical, 1.0
        self.activation, self.mean, self.variance, self.typical = activation, mean, variance, typical
        nodes, self.weights = (torch.tensor(v, dtype=torch.float64) for v in gauss_hermite())
        h = mean + variance.sqrt()[:, None] * nodes
        self.values, self.slopes = activation.with_derivative(h)
        self.polynomials = torch.stack(hermite_polynomials(nodes, _ORDERS), 1)
        self.powers = [correlation**n for n in range(_ORDERS + 1)]
        self.first, self.second, self.slope = self._moments(typical)
        self.centre = float((self.values @ self.weights).mean())

    @property
    def preactivation(self) -> float:
        """kappa of h itself: 2 where all patches are alike."""
        total = self.variance.sum() ** 2
        products = self.variance[:, None] * self.variance * self.powers[2]
        return float(2 * products.sum() / total) if total > 0 else 0.0

    def kappa(self, values: Tensor) -> float:
        """Relative variance of the mean over the patches of f(h), `values` (P, 64) at the nodes."""
        products, means = self._products(values)
        return float((products.mean() - means.mean() ** 2) / means.mean() ** 2) if means.mean() > 0 else 0.0

    def alike(self, values: Tensor) -> float:
        """Mean product of f(h) at two patches, relative to the mean square."""
        products, _ = self._products(values)
        return float(products.mean() / products.diagonal().mean()) if products.diagonal().mean() > 0 else 0.0

    def activated(self) -> tuple[Tensor, Tensor]:
        """Mean squares and correlations of what the next layer gets."""
        products, _ = self._products(self.values)
        squares = products.diagonal()
        if not squares.mean() > 0:
            return self.variance, self.powers[1]
        scale = (squares[:, None] * squares).sqrt()
        return squares / squares.mean(), torch.where(scale > 0, products / scale, 0.0).clamp(-1, 1)

    def growth(self, of: Callable[[float, float, float], float]) -> float:
        """d ln of(first, second, slope) / d ln S."""
        here, there = of(self.first, self.second, self.slope), of(*self._moments(_STEP * self.typical))
        return math.log(there / here) / math.log(_STEP) if here > 0 and there > 0 else 0.0

    def _products(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """E f f' between patches (P, P), E f (P,) for `values` of f at the nodes (P, 64)."""
        orders = (self.weights * values) @ self.polynomials
        rest = (values.square() @ self.weights - orders.square().sum(1)).clamp_min(0).sqrt()
        terms = torch.cat([orders, rest[:, None]], 1).T
        return sum((a[:, None] * a * r for a, r in zip(terms, self.powers, strict=True)), torch.zeros(())), orders[:, 0]

    def _moments(self, variance: float) -> tuple[float, float, float]:
        mean, s = (torch.tensor([v], dtype=torch.float64) for v in (self.mean, variance))
        first, second, slope = moments(self.activation, mean, s)
        return float(first), float(second), float(slope)
