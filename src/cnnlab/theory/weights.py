"""Mean and variance per weight of any random fill, estimated from the fill itself."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, stdev

import torch
from torch import Tensor, nn

from cnnlab.common.errors import NotApplicable
from cnnlab.common.random import cpu_seed
from cnnlab.networks.layers import weight_layers, weight_of

Fill = Callable[[Tensor], object]

# A fill is drawn until its variance is known to 0.1 %, since layers of one shape share the estimate and 20 of
# them raise its error to the power 20; an orthogonal one is exact at once, but for its share by place, which takes
# 20,000 kernels to 1 %. Tiny layers stop at so many draws.
_ERROR, _KERNELS, _DRAWS, _WEIGHTS = 1e-3, 20_000, 2048, 2_000_000
# A mean within so many standard errors of 0 is 0; else 99 layers would carry an estimate's error as a drift.
_ERRORS = 5.0


@dataclass(frozen=True)
class WeightMoments:
    """Of one weight, by its place in the kernel: `mean` and `variance` are (k, k), float64, on the CPU.

    Most fills give every place the same; delta-orthogonal has zeros around the centre.
    """

    mean: Tensor
    variance: Tensor


def fill_moments(network: nn.Module, fill: Fill, *, after: object = None) -> dict[str, WeightMoments]:
    """The moments by layer name (as in `weight_layers`) of `initialize(network, fill, after=after)`.

    Raises NotApplicable for what no mean and variance describe: a scheme that looks at data afterwards,
    frozen weights, weights that are not drawn at random.
    """
    if after is not None:
        raise NotApplicable("this initializer looks at data after the fill, so no formula gives its variances")
    known: dict[torch.Size, WeightMoments] = {}
    found = {}
    for name, layer in weight_layers(network).items():
        weight = weight_of(layer)
        if weight is None or not weight.requires_grad:
            raise NotApplicable(f"{name} has weights that are frozen or computed, not drawn at random")
        shape = weight.shape if weight.dim() == 4 else torch.Size((*weight.shape, 1, 1))
        if shape not in known:
            known[shape] = weight_moments(fill, shape)
        found[name] = known[shape]
    return found


def weight_moments(fill: Fill, shape: torch.Size | tuple[int, ...]) -> WeightMoments:
    """Fill a scratch tensor (c_out, c_in, k, k) again and again; the global random state stays as it is.

    Raises NotApplicable where the weights are neither all equal nor independent: every draw is the same
    (dirac, classical kernels), or the weights of a kernel depend on each other.
    """
    scratch = torch.empty(shape)
    sums, seen, squares = _Sums(), [], []
    with cpu_seed(0), torch.no_grad():
        while not _known(squares, scratch.numel(), sums.n):
            fill(scratch)
            squares.append(sums.add(scratch))
            if not math.isfinite(squares[-1]):
                raise NotApplicable("this initializer's weights are not finite in float32")
            if len(squares) <= 2:
                seen.append(scratch.clone())
    if torch.equal(*seen) and not bool((scratch == scratch.flatten()[0]).all()):
        raise NotApplicable("this initializer gives the same weights at every draw, so there is nothing to average")
    return sums.moments()


def _known(squares: list[float], weights: int, kernels: int) -> bool:
    """Asked after 2, 4, 8, ... draws, whose mean squares these are."""
    draws = len(squares)
    if draws < 2 or draws & (draws - 1):
        return False
    if draws >= _DRAWS or draws * weights >= _WEIGHTS:
        return True
    return draws >= 8 and kernels >= _KERNELS and stdev(squares) <= _ERROR * draws**0.5 * fmean(squares)


def moments_of(weight: Tensor) -> WeightMoments:
    """Of weights as they are, (c_out, c_in, k, k) or (out, in): one value for all places that are not 0 throughout."""
    weight = weight.detach().cpu()
    rows = (weight if weight.dim() == 4 else weight[..., None, None]).flatten(2).flatten(0, 1)
    used = (rows != 0).any(0)
    sums = _Sums()
    sums.add(rows[:, used].reshape(-1, 1, 1, 1))
    one = sums.moments()
    size = tuple(weight.shape[-2:]) if weight.dim() == 4 else (1, 1)
    return WeightMoments((used * one.mean.view(1)).view(size), (used * one.variance.view(1)).view(size))


class _Sums:
    """Of kernels flattened to rows (n, k * k), and of their products."""

    def __init__(self) -> None:
        self.n, self.total, self.products, self.size = 0, torch.zeros(()), torch.zeros(()), (1, 1)

    def add(self, weight: Tensor) -> float:
        """Take in (c_out, c_in, k, k); returns the mean square."""
        rows = weight.double().flatten(2).flatten(0, 1)
        products = rows.T @ rows
        self.n, self.size = self.n + len(rows), tuple(weight.shape[-2:])
        self.total, self.products = self.total + rows.sum(0), self.products + products
        return float(products.diagonal().sum()) / max(rows.numel(), 1)

    def moments(self) -> WeightMoments:
        n = max(self.n, 1)
        mean = self.total / n
        covariance = self.products / n - mean[:, None] * mean
        spread = covariance.diagonal()
        # A constant's deviations are rounding errors.
        spread = torch.where(spread < 1e-12 * mean.square(), 0.0, spread)
        self._check_independent(covariance, spread)
        mean = torch.where(mean.abs() > _ERRORS * (spread / n).sqrt(), mean, 0.0)
        # Where the mean is 0 the mean square is the variance: exactly so for orthogonal weights.
        variance = torch.where(mean == 0, self.products.diagonal() / n, spread)
        return WeightMoments(mean.view(self.size), variance.view(self.size))

    def _check_independent(self, covariance: Tensor, variance: Tensor) -> None:
        scale = (variance[:, None] * variance).sqrt()
        correlation = torch.where(scale > 0, covariance / scale, 0.0).fill_diagonal_(0)
        if bool(correlation.abs().max() > 0.1 + 5 / max(self.n, 1) ** 0.5):
            raise NotApplicable("within a kernel this initializer's weights depend on each other")
