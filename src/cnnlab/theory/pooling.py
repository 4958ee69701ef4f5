"""Moments after pooling with non-overlapping windows: mean and sum exactly, max by quadrature."""

from functools import cache
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnlab.networks.modules.moments import Activation
from cnnlab.theory.chain import Pool
from cnnlab.theory.maps import MomentMaps, Step, inside, kept, partners, shifted

# Half the points of the quadrature rule over a window's cells; each is used with its antithetic point.
_POINTS = 128


def steps_below(pool: Pool, steps: tuple[Step, ...], size: tuple[int, int]) -> tuple[Step, ...]:
    """The steps between cells, on a map of `size`, needed for the window products at `steps`."""
    (k, m), within = pool.window, _within(pool)
    return kept(((k * a + c, m * b + d) for a, b in steps for c, d in within), size)


def shares(pool: Pool, size: tuple[int, int]) -> Tensor:
    """(H', W'): the factor on each window's sum: 1 for sum pooling, 1 / cells for mean pooling."""
    if pool.takes == "sum":
        return torch.ones(pool.output, dtype=torch.float64)
    return 1 / _windows(torch.ones(1, *size, dtype=torch.float64), pool).sum(-1)[0]


def linear(x: MomentMaps, pool: Pool, steps: tuple[Step, ...]) -> MomentMaps:
    """After mean or sum pooling of the activations `x`, whose steps are `steps_below`."""
    share = shares(pool, x.size)
    mean = share * _windows(x.mean, pool).sum(-1)
    pairs = _window_products(x, torch.ones_like(x.mean), pool, steps) * share * partners(share[None], steps)
    pairs[:, 0] = pairs[:, 0].maximum(mean.square())
    return MomentMaps(mean, pairs, steps)


def spread(gradient: Tensor, pool: Pool, size: tuple[int, int]) -> Tensor:
    """(N, H', W') -> (N, H, W): broadcast each window's value to its cells; cells in no window get 0."""
    k, m = pool.window
    return _cells(gradient[..., None].expand(*gradient.shape, k * m), pool, size)


def largest(h: MomentMaps, activation: Activation, pool: Pool, steps: tuple[Step, ...]) -> tuple[MomentMaps, Tensor]:
    """After max pooling of phi(h); and (N, H, W), E phi'(h)^2 1(the cell is its window's maximum).

    A window's cells are jointly normal with the covariance of `h`, whose steps are `steps_below`. Between windows
    the covariance is expanded to second Hermite order: the first is exact (Stein's lemma: expected slopes times
    covariances), the second takes the remaining variance.
    """
    mean, second, slope, slope_square = _quadrature(h, activation, pool)
    pairs = _window_products(h, slope, pool, steps)
    own = pairs[:, 0].clamp_min(0)
    rest = (second - mean.square() - own).clamp_min(0)
    scale = (own[:, None] * partners(own, steps)).sqrt()
    correlation = torch.where(scale > 0, pairs / scale, 0.0).clamp(-1, 1)
    pairs = pairs + (rest[:, None] * partners(rest, steps)).sqrt() * correlation.square()
    pairs = (pairs + mean[:, None] * partners(mean, steps)) * inside(pool.output, steps)
    pairs[:, 0] = second
    return MomentMaps(mean, pairs, steps), slope_square


def _quadrature(h: MomentMaps, activation: Activation, pool: Pool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """E max, E max^2 per window (N, H', W'); E phi' and E phi'^2 at the maximum, per cell (N, H, W)."""
    (k, m), size = pool.window, h.size
    cells = _windows(torch.ones_like(h.mean), pool) > 0
    centre = _windows(h.mean, pool)
    factor = _cholesky(_covariances(h, pool))
    first, second = torch.zeros_like(centre[..., 0]), torch.zeros_like(centre[..., 0])
    slope, slope_square = torch.zeros_like(centre), torch.zeros_like(centre)
    points = normal_points(k * m)
    for point in points:
        values = centre + factor @ point
        # phi may be non-monotonic (gelu), so the largest activation need not be that of the largest h.
        result, which = torch.where(cells, activation.function(values), -torch.inf).max(-1, keepdim=True)
        _, derivative = activation.with_derivative(values.gather(-1, which))
        first += result[..., 0]
        second += result[..., 0].square()
        slope.scatter_add_(-1, which, derivative)
        slope_square.scatter_add_(-1, which, derivative.square())
    n = len(points)
    return first / n, second / n, _cells(slope / n, pool, size), _cells(slope_square / n, pool, size)


@cache
def normal_points(dimensions: int) -> Tensor:
    """(n, dimensions): normal Sobol points in antithetic pairs, whitened to identity covariance.

    256 of them give E relu(max of 4)^2 to 1 %.
    """
    points = max(_POINTS, 4 * dimensions)
    uniform = torch.quasirandom.SobolEngine(dimensions, scramble=True, seed=0).draw(points, dtype=torch.float64)
    half = torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6))
    half = torch.linalg.solve_triangular(torch.linalg.cholesky(half.T @ half / points), half.T, upper=False).T
    return torch.cat([half, -half])


def _covariances(h: MomentMaps, pool: Pool) -> Tensor:
    """(N, H', W', km, km) between the cells of each window, in row-major order."""
    k, m = pool.window
    cells = list(product(range(k), range(m)))
    columns = []
    for a, b in cells:
        for c, d in cells:
            columns.append(_windows(h.pair((c - a, d - b)), pool)[..., a * m + b])
    return torch.stack(columns, -1).unflatten(-1, (k * m, k * m))


def _cholesky(covariance: Tensor) -> Tensor:
    """Lower factor; equal cells (a blank background) get a zero column, where torch's would fail."""
    n = covariance.shape[-1]
    factor = torch.zeros_like(covariance)
    for j in range(n):
        known = factor[..., :j]
        column = covariance[..., j] - (known @ known[..., j, :, None])[..., 0]
        pivot = column[..., j, None].clamp_min(0)
        column = torch.where(pivot > 1e-9 * covariance[..., j, j, None], column / pivot.sqrt(), 0.0)
        factor[..., j:, j] = column[..., j:]
    return factor


def _window_products(x: MomentMaps, scale: Tensor, pool: Pool, steps: tuple[Step, ...]) -> Tensor:
    """(N, D', H', W'): sums of scale(p) scale(q) pair(p, q) over p in a window and q in the window one step away."""
    (k, m), sums = pool.window, []
    for a, b in steps:
        total = torch.zeros(len(x.mean), *pool.output, dtype=x.mean.dtype)
        for c, d in _within(pool):
            step = (k * a + c, m * b + d)
            if abs(step[0]) >= x.size[0] or abs(step[1]) >= x.size[1]:
                continue
            terms = _windows(x.pair(step) * scale * shifted(scale, step), pool).unflatten(-1, (k, m))
            rows, columns = slice(max(0, -c), k - max(0, c)), slice(max(0, -d), m - max(0, d))
            total += terms[..., rows, columns].sum((-2, -1))
        sums.append(total)
    return torch.stack(sums, 1)


def _within(pool: Pool) -> list[Step]:
    k, m = pool.window
    return list(product(range(1 - k, k), range(1 - m, m)))


def _windows(maps: Tensor, pool: Pool) -> Tensor:
    """(N, H, W) -> (N, H', W', km): the cells of each window, 0 beyond the map's edge."""
    (k, m), (h, w), (down, right) = pool.window, maps.shape[-2:], pool.output
    whole = F.pad(maps[..., : k * down, : m * right], (0, max(m * right - w, 0), 0, max(k * down - h, 0)))
    return whole.unflatten(-2, (down, k)).unflatten(-1, (right, m)).transpose(-3, -2).flatten(-2)


def _cells(windows: Tensor, pool: Pool, size: tuple[int, int]) -> Tensor:
    """(N, H', W', km) -> (N, H, W), the inverse."""
    maps = windows.unflatten(-1, pool.window).transpose(-3, -2).flatten(-2).flatten(-3, -2)[..., : size[0], : size[1]]
    return F.pad(maps, (0, size[1] - maps.shape[-1], 0, size[0] - maps.shape[-2]))
