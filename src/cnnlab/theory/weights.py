"""Per-weight mean and variance of any random fill, estimated by sampling it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, stdev

import torch
from torch import Tensor, nn

from cnnlab.common.errors import NotApplicable
from cnnlab.common.random import cpu_seed
from cnnlab.networks.init import groups_of
from cnnlab.networks.layers import weight_layers, weight_of

Fill = Callable[[Tensor], object]

# Draw until the variance is known to 0.1 %: layers of one shape share the estimate, so 20 of them compound its error.
# Orthogonal fills have an exact total at once, but its split over taps needs 20,000 kernels to be good to 1 %.
# _DRAWS and _WEIGHTS cap the work for tiny and for large layers.
_ERROR, _KERNELS, _DRAWS, _WEIGHTS = 1e-3, 20_000, 2048, 2_000_000
# A mean within this many standard errors counts as 0; otherwise its error would accumulate as drift over 99 layers.
_STANDARD_ERRORS = 5.0


@dataclass(frozen=True)
class WeightMoments:
    """Of one weight, by kernel tap: `mean` and `variance` are (k, k), float64, on the CPU.

    Most fills treat all taps alike; delta-orthogonal is zero off-centre.
    """

    mean: Tensor
    variance: Tensor


def fill_moments(network: nn.Module, fill: Fill, *, after: object = None) -> dict[str, WeightMoments]:
    """The moments by layer name (as in `weight_layers`) of `initialize(network, fill, after=after)`.

    Raises NotApplicable where mean and variance do not describe the weights: schemes with an `after`, frozen
    weights, weights that are not drawn at random.
    """
    if after is not None:
        raise NotApplicable("this initializer is data-dependent or rescales layers, so no formula gives its variances")
    known: dict[torch.Size, WeightMoments] = {}
    found = {}
    for name, layer in weight_layers(network).items():
        weight = weight_of(layer)
        if weight is None or not weight.requires_grad:
            raise NotApplicable(f"{name} has weights that are frozen, computed or spread over processes, not drawn")
        c_out, *others = weight.shape
        shape = torch.Size((c_out // groups_of(layer), *others, *(1,) * (4 - weight.dim())))
        if shape not in known:
            known[shape] = weight_moments(fill, shape)
        found[name] = known[shape]
    return found


def weight_moments(fill: Fill, shape: torch.Size | tuple[int, ...]) -> WeightMoments:
    """Moments from repeated fills of a scratch tensor (c_out, c_in, k, k); the global random state is preserved.

    Raises NotApplicable where the weights are neither constant nor independent: every draw is the same (dirac,
    classical kernels), or the weights within a kernel are correlated.
    """
    sums, squares = _Sums(), []
    with cpu_seed(0), torch.no_grad():
        while not _enough_draws(squares, math.prod(shape), sums.n):
            # As many as before, at least two, summed at once: 5,900 draws take 0.18 s instead of 0.23.
            draws = torch.empty(max(2, len(squares)), *shape)
            for draw in draws:
                fill(draw)
            squares += sums.add(draws)
            if not all(map(math.isfinite, squares)):
                raise NotApplicable("this initializer's weights are not finite in float32")
    if torch.equal(draws[0], draws[1]) and not bool((draws[0] == draws[0].flatten()[0]).all()):
        raise NotApplicable("this initializer gives the same weights in every draw, so it has no variance")
    return sums.moments()


def _enough_draws(squares: list[float], weights: int, kernels: int) -> bool:
    """Whether the draws so far suffice, checked after 2, 4, 8, ...; `squares`: the mean square of each."""
    draws = len(squares)
    if draws < 2 or draws & (draws - 1):
        return False
    if draws >= _DRAWS or draws * weights >= _WEIGHTS:
        return True
    return draws >= 8 and kernels >= _KERNELS and stdev(squares) <= _ERROR * draws**0.5 * fmean(squares)


def moments_of(weight: Tensor) -> WeightMoments:
    """Of given weights, (c_out, c_in, k, k) or (out, in): one value for all taps, 0 at taps that are 0 throughout."""
    weight = weight.detach().cpu()
    rows = (weight if weight.dim() == 4 else weight[..., None, None]).flatten(2).flatten(0, 1)
    used = (rows != 0).any(0)
    sums = _Sums()
    sums.add(rows[:, used].reshape(1, -1, 1, 1, 1))
    one = sums.moments()
    size = tuple(weight.shape[-2:]) if weight.dim() == 4 else (1, 1)
    return WeightMoments((used * one.mean.view(1)).view(size), (used * one.variance.view(1)).view(size))


class _Sums:
    """Running sums of kernels flattened to rows (n, k * k), and of their outer products."""

    def __init__(self) -> None:
        self.n, self.total, self.products, self.size = 0, torch.zeros(()), torch.zeros(()), (1, 1)

    def add(self, weights: Tensor) -> list[float]:
        """Add draws (n, c_out, c_in, k, k); returns the mean square of each."""
        self.size = tuple(weights.shape[-2:])
        rows = weights.double().flatten(-2).flatten(0, -2)
        self.n += len(rows)
        self.total, self.products = self.total + rows.sum(0), self.products + rows.T @ rows
        return rows.square().view(len(weights), -1).mean(1).tolist()

    def moments(self) -> WeightMoments:
        n = max(self.n, 1)
        mean = self.total / n
        covariance = self.products / n - mean[:, None] * mean
        spread = covariance.diagonal()
        # The variance of a constant is rounding error.
        spread = torch.where(spread < 1e-12 * mean.square(), 0.0, spread)
        self._check_independent(covariance, spread)
        mean = torch.where(mean.abs() > _STANDARD_ERRORS * (spread / n).sqrt(), mean, 0.0)
        # With mean 0 the variance is the mean square, which is exact for orthogonal weights.
        variance = torch.where(mean == 0, self.products.diagonal() / n, spread)
        return WeightMoments(mean.view(self.size), variance.view(self.size))

    def _check_independent(self, covariance: Tensor, variance: Tensor) -> None:
        scale = (variance[:, None] * variance).sqrt()
        correlation = torch.where(scale > 0, covariance / scale, 0.0).fill_diagonal_(0)
        if bool(correlation.abs().max() > 0.1 + 5 / max(self.n, 1) ** 0.5):
            raise NotApplicable("this initializer's weights are correlated within a kernel")
