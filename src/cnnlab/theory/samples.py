"""The moments between a sample of positions of several images, for what maps of single images do not hold: how alike
positions and images are, on which batch norm and the scatter between networks depend."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnlab.networks.modules.moments import Activation, gauss_hermite, hermite_polynomials, moments
from cnnlab.theory.graph import Weights

_MAX, _ORDERS = 128, 8
_STEP = 1.02  # factor on a variance, for logarithmic derivatives


@dataclass(frozen=True)
class Samples:
    """`products`: (P, P), the expected product of a channel at two positions. `mean`: of a channel over positions.
    `images`: (P,), the image that each position is from.

    Convolutions sum over neighbours; here, a position's neighbours are taken to be as alike as the position itself.
    """

    products: Tensor
    mean: float
    images: Tensor

    @property
    def square(self) -> float:
        return float(self.products.diagonal().mean())

    def scaled(self, square: float, mean: float) -> "Samples":
        """With the mean square and mean of the whole map."""
        own = self.square
        return replace(self, products=self.products * (square / own if own > 0 else 0.0), mean=mean)

    def through_weights(self, square: float, mean: float, alike: float) -> "Samples":
        """Of pre-activations with that mean square; their mean, which biases give, is that of every position.

        `alike`: the share of its taps that a position has in common with another, on average: at the border, zeros
        take different ones away.
        """
        covariance = self.scaled(square - mean**2, 0.0).products
        covariance = (alike * covariance).diagonal_scatter(covariance.diagonal())
        return Samples(covariance + mean**2, mean, self.images)

    def covariance(self) -> Tensor:
        centred = self.products - self.mean**2
        # Where the mean is not that of every position, a variance below 0.
        return centred.diagonal_scatter(centred.diagonal().clamp_min(0))

    def correlation(self) -> Tensor:
        covariance = self.covariance()
        scale = (covariance.diagonal()[:, None] * covariance.diagonal()).sqrt()
        return torch.where(scale > 0, covariance / scale, 0.0).clamp(-1, 1)

    def scatter_of_variance(self) -> float:
        """Relative variance of the mean of (h - M)^2 over positions, for normal h: 2 for identical positions."""
        covariance = self.covariance()
        variance = float(covariance.diagonal().mean())
        return 2 * float(covariance.square().mean()) / variance**2 if variance > 0 else 0.0

    def scatter_of_square(self) -> float:
        """Relative variance of the mean of h^2 over positions, for normal h."""
        covariance, square = self.covariance(), self.square
        terms = 2 * covariance.square() + 4 * self.mean**2 * covariance
        return float(terms.mean()) / square**2 if square > 0 else 0.0

    def pooled(self, square: float, mean: float) -> "Samples":
        """After a max pooling: correlations as before, with the mean square and mean of the pooled map."""
        centred, variance = self.covariance(), max(self.square - self.mean**2, 0.0)
        scale = max(square - mean**2, 0.0) / variance if variance > 0 else 0.0
        return Samples(scale * centred + mean**2, mean, self.images)

    def averaged(self, square: float, mean: float, total: float) -> "Samples":
        """After mean or sum pooling: what two positions have in common stays, times the square of a window's `total`
        weight; what is a position's own goes down to the pooled mean square."""
        own = self.scaled(square, mean).products.diagonal()
        most = (own[:, None] * own).sqrt()
        common = (total**2 * self.products).minimum(most).maximum(-most)
        return Samples(common.diagonal_scatter(own), mean, self.images)

    def averaged_whole(self, square: float, mean: float, positions: int) -> "Samples":
        """After a global average over `positions`: one value per image, whose product with another image's is the mean
        over their positions."""
        member = (self.images[:, None] == self.images.unique()).double()  # (P, images)
        count = member.sum(0)
        own, total = member.T @ self.products.diagonal(), member.T @ self.products @ member
        within = torch.where(count > 1, (total.diagonal() - own) / (count * (count - 1)).clamp_min(1), own)
        within = own / count / positions + (1 - 1 / positions) * within
        images = (total / (count[:, None] * count)).diagonal_scatter(within)
        return replace(self, products=member @ images @ member.T).scaled(square, mean)

    def plus(self, other: "Samples") -> "Samples":
        return Samples(self.products + other.products + 2 * self.mean * other.mean, self.mean + other.mean, self.images)

    def over_batch(self, products: Tensor, images: int, positions: int) -> Tensor:
        """(P,): the mean of `products` (P, P) of each position with all those of a batch of `images` images."""
        same = self.images[:, None] == self.images
        own = products.diagonal()
        others, apart = same.sum(1) - 1, (~same).sum(1)
        within = (torch.where(same, products, 0.0).sum(1) - own) / others.clamp_min(1)
        within = own / positions + (1 - 1 / positions) * torch.where(others > 0, within, own)
        across = torch.where(same, 0.0, products).sum(1) / apart.clamp_min(1)
        return torch.where(apart > 0, within / images + (1 - 1 / images) * across, within)


def of_patches(layer: Weights, images: Tensor) -> Samples:
    """A sample of the layer's input patches, of `images` (N, C, H, W)."""
    patches = F.unfold(F.pad(images, layer.padding), layer.kernel, stride=layer.stride).transpose(1, 2)
    per_image = patches.shape[1]
    patches = patches.flatten(0, 1)
    chosen = torch.linspace(0, len(patches) - 1, min(_MAX, len(patches))).long()
    products = patches[chosen] @ patches[chosen].T / patches.shape[1]
    return Samples(products, float(images.mean()), chosen // per_image).scaled(
        float(images.square().mean()), float(images.mean())
    )


@cache
def _rule() -> tuple[Tensor, Tensor, Tensor]:
    """Nodes and weights of Gauss-Hermite quadrature, and the Hermite polynomials at the nodes (nodes, orders)."""
    nodes, weights = (torch.tensor(v, dtype=torch.float64) for v in gauss_hermite())
    return nodes, weights, torch.stack(hermite_polynomials(nodes, _ORDERS), 1)


class Activated:
    """Correlated pre-activations h ~ N(M, S) at the sampled positions, by quadrature and Mehler's series.

    For homogeneous activations only M / sqrt(S) matters, so S is rescaled to 1 to avoid overflow.
    """

    def __init__(self, activation: Activation, before: Samples):
        covariance, mean = before.covariance(), before.mean
        variance = covariance.diagonal()
        typical, self.unit = float(variance.mean()), 1.0
        if activation.slope is not None and typical > 0:
            self.unit = typical**0.5
            mean, variance, typical = mean / self.unit, variance / typical, 1.0
        correlation = before.correlation()
        self.activation, self.mean, self.variance, self.typical = activation, mean, variance, typical
        self.images = before.images
        nodes, self.weights, self.polynomials = _rule()
        h = mean + variance.sqrt()[:, None] * nodes
        self.values, self.slopes = activation.with_derivative(h)
        self.powers = [correlation**n for n in range(_ORDERS + 1)]
        self.first, self.second, self.slope = self._moments(typical)
        self.centre = float((self.values @ self.weights).mean())

    def samples(self) -> Samples:
        """Of the activations."""
        products, _ = self._products(self.values)
        return Samples(products * self.unit**2, self.first * self.unit, self.images)

    def kappa(self, values: Tensor) -> float:
        """Relative variance of the mean of f(h) over positions; `values`: f at the nodes, (P, 64)."""
        products, means = self._products(values)
        return float((products.mean() - means.mean() ** 2) / means.mean() ** 2) if means.mean() > 0 else 0.0

    def correlation(self, values: Tensor) -> float:
        """Mean product of f(h) at two positions over the mean square (uncentred)."""
        products, _ = self._products(values)
        return float(products.mean() / products.diagonal().mean()) if products.diagonal().mean() > 0 else 0.0

    def growth(self, of: Callable[[float, float, float], float]) -> float:
        """d ln of(first, second, slope) / d ln S."""
        here = of(self.first, self.second, self.slope)
        there = of(*self._moments(_STEP * self.typical))
        return math.log(there / here) / math.log(_STEP) if here > 0 and there > 0 else 0.0

    def _products(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """E f f' between positions (P, P), E f (P,) for `values` of f at the nodes (P, 64)."""
        orders = (self.weights * values) @ self.polynomials
        rest = (values.square() @ self.weights - orders.square().sum(1)).clamp_min(0).sqrt()
        terms = torch.cat([orders, rest[:, None]], 1).T
        return sum((a[:, None] * a * r for a, r in zip(terms, self.powers, strict=True)), torch.zeros(())), orders[:, 0]

    def _moments(self, variance: float) -> tuple[float, float, float]:
        mean, s = (torch.tensor([v], dtype=torch.float64) for v in (self.mean, variance))
        first, second, slope = moments(self.activation, mean, s)
        return float(first), float(second), float(slope)
