"""Moments after pooling: mean and sum exactly, max by quadrature. Windows may overlap."""

from functools import cache
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnlab.theory.graph import Pool
from cnnlab.theory.maps import MomentMaps, Step, inside, kept, opposite, partners

# Half the points of the quadrature rule over a window's cells; each is used with its antithetic point.
_POINTS = 128
# Products of cells that are computed at once: as many as a processor's cache holds.
_AT_ONCE = 2**18


def steps_below(pool: Pool, steps: tuple[Step, ...], size: tuple[int, int]) -> tuple[Step, ...]:
    """The steps between cells, on a map of `size`, needed for the window products at `steps`."""
    (down, right), cells = pool.window.stride, within(pool)
    return kept(((down * a + c, right * b + d) for a, b in steps for c, d in cells), size)


def shares(pool: Pool, size: tuple[int, int]) -> Tensor:
    """(H', W'): the factor on each window's sum: 1 for sum pooling, 1 / cells for mean pooling."""
    if pool.takes == "sum":
        return torch.ones(pool.size, dtype=torch.float64)
    (top, left), (bottom, right) = pool.window.before, pool.window.after
    counted = torch.ones(1, *size, dtype=torch.float64)
    if pool.counts_padding and (top or left):
        counted = torch.ones(1, size[0] + top + bottom, size[1] + left + right, dtype=torch.float64)
        return 1 / _windows(counted, pool, padded=True).sum(-1)[0]
    return 1 / _windows(counted, pool).sum(-1)[0]


def linear(x: MomentMaps, pool: Pool, steps: tuple[Step, ...]) -> MomentMaps:
    """After mean or sum pooling of the activations `x`, whose steps are `steps_below`."""
    share = shares(pool, x.size)
    mean = share * _windows(x.mean, pool).sum(-1)
    pairs = _window_products(x, None, pool, steps) * share * partners(share[None], steps)
    pairs[:, 0] = pairs[:, 0].maximum(mean.square())
    return MomentMaps(mean, pairs, steps)


def largest(h: MomentMaps, pool: Pool, steps: tuple[Step, ...]) -> tuple[MomentMaps, Tensor]:
    """After max pooling of the activations of h; and (N, H', W', km), E phi'(h)^2 1(the cell is its window's maximum).

    A window's cells are jointly normal with the covariance of `h`, whose steps are `steps_below`. Between windows
    the covariance is expanded to second Hermite order: the first is exact (Stein's lemma: expected slopes times
    covariances), the second takes the remaining variance.
    """
    mean, second, slope, slope_square = _quadrature(h, pool)
    pairs = _window_products(h, slope, pool, steps)
    own = pairs[:, 0].clamp_min(0)
    rest = (second - mean.square() - own).clamp_min(0)
    scale = (own[:, None] * partners(own, steps)).sqrt()
    correlation = torch.where(scale > 0, pairs / scale, 0.0).clamp(-1, 1)
    pairs = pairs + (rest[:, None] * partners(rest, steps)).sqrt() * correlation.square()
    pairs = (pairs + mean[:, None] * partners(mean, steps)) * inside(pool.size, steps)
    pairs[:, 0] = second
    return MomentMaps(mean, pairs, steps), slope_square


def _quadrature(h: MomentMaps, pool: Pool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """E max, E max^2 per window (N, H', W'); E phi' and E phi'^2 at the maximum, per cell (N, H', W', km)."""
    cells = _windows(torch.ones_like(h.mean), pool) > 0
    centre = _windows(h.mean, pool)
    factor = _cholesky(_covariances(h, pool))
    first, second = torch.zeros_like(centre[..., 0]), torch.zeros_like(centre[..., 0])
    slope, slope_square = torch.zeros_like(centre), torch.zeros_like(centre)
    points = normal_points(centre.shape[-1])
    for point in points:
        values = centre + factor @ point
        # phi may be non-monotonic (gelu), so the largest activation need not be that of the largest h.
        result, which = torch.where(cells, pool.activation.function(values), -torch.inf).max(-1, keepdim=True)
        _, derivative = pool.activation.with_derivative(values.gather(-1, which))
        first += result[..., 0]
        second += result[..., 0].square()
        slope.scatter_add_(-1, which, derivative)
        slope_square.scatter_add_(-1, which, derivative.square())
    n = len(points)
    return first / n, second / n, slope / n, slope_square / n


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
    k, m = pool.window.kernel
    windows = {step: _windows(h.pair(step), pool) for step in within(pool)}
    cells = list(product(range(k), range(m)))
    columns = [windows[c - a, d - b][..., a * m + b] for a, b in cells for c, d in cells]
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


def _window_products(x: MomentMaps, scale: Tensor | None, pool: Pool, steps: tuple[Step, ...]) -> Tensor:
    """(N, D', H', W'): sums of scale(p) scale(q) pair(p, q) over p in a window and q in the window one step away.

    `scale`: (N, H', W', km), per window and cell; None for 1.
    """
    x = x.both_ways()
    if scale is None:
        total = torch.zeros(len(x.mean), len(steps), *pool.size, dtype=x.mean.dtype)
        for cell in within(pool):
            total += _sums(_cells_apart(x, pool, steps, cell), pool, cell)
        return total
    at_once = max(1, _AT_ONCE // scale[0].numel())
    some = [steps[i : i + at_once] for i in range(0, len(steps), at_once)]
    alone = [MomentMaps(mean[None], pairs[None], x.steps) for mean, pairs in zip(x.mean, x.pairs, strict=True)]
    return torch.stack(
        [
            torch.cat([_scaled_sums(image, own, pool, few) for few in some])
            for image, own in zip(alone, scale, strict=True)
        ]
    )


def _sums(maps: Tensor, pool: Pool, cell: Step) -> Tensor:
    """(N, D', H, W) -> (N, D', H', W'): over the cells of each window that have one `cell` away in it."""
    rows, columns = own_cells(pool, cell)
    (k, m), (height, width) = pool.window.kernel, maps.shape[-2:]
    cut = maps[..., rows.start : height - k + rows.stop, columns.start : width - m + columns.stop]
    sides = (rows.stop - rows.start, columns.stop - columns.start)
    return F.avg_pool2d(cut, sides, pool.window.stride, divisor_override=1)


def _scaled_sums(x: MomentMaps, scale: Tensor, pool: Pool, steps: tuple[Step, ...]) -> Tensor:
    """(D', H', W'), of one image, with its `scale` (H', W', km)."""
    (k, m), (down, right) = pool.window.kernel, pool.window.stride
    maps, total = scale.movedim(-1, 0), torch.zeros(len(steps), *pool.size, dtype=x.mean.dtype)
    here, away = maps.unflatten(0, (k, m)), partners(maps, steps).transpose(0, 1).unflatten(1, (k, m))
    for cell in within(pool):
        own, other = own_cells(pool, cell), own_cells(pool, opposite(cell))
        apart = _cells_apart(x, pool, steps, cell)[0]
        windows = apart.unfold(-2, k, down).unfold(-2, m, right).movedim((-2, -1), (1, 2))  # (D', k, m, H', W')
        total += (windows[:, *own] * away[:, *other]).mul_(here[*own]).sum((1, 2))
    return total


def _cells_apart(x: MomentMaps, pool: Pool, steps: tuple[Step, ...], cell: Step) -> Tensor:
    """(N, D', H, W), of the part that windows cover: products of each cell with the one `cell` further, one of `steps`
    between windows away."""
    (down, right), (c, d) = pool.window.stride, cell
    return _covered(x.stacked([(down * a + c, right * b + d) for a, b in steps]), pool)


def own_cells(pool: Pool, cell: Step) -> tuple[slice, slice]:
    """The rows and columns of a window's cells that have one `cell` away in it; its partners have one opposite."""
    (k, m), (c, d) = pool.window.kernel, cell
    return slice(min(max(0, -c), k), max(k - max(0, c), 0)), slice(min(max(0, -d), m), max(m - max(0, d), 0))


def within(pool: Pool) -> list[Step]:
    """The steps between the cells of a window."""
    k, m = pool.window.kernel
    return list(product(range(1 - k, k), range(1 - m, m)))


def _windows(maps: Tensor, pool: Pool, padded: bool = False) -> Tensor:
    """(N, H, W) -> (N, H', W', km): the cells of each window, 0 beyond the map's edge. `padded`: as the maps are."""
    (k, m), (down, right) = pool.window.kernel, pool.window.stride
    return _covered(maps, pool, padded).unfold(-2, k, down).unfold(-2, m, right).flatten(-2)


def _covered(maps: Tensor, pool: Pool, padded: bool = False) -> Tensor:
    """The part of the maps (..., H, W) that windows cover, 0 beyond the edge."""
    (k, m), (down, right), (top, left) = pool.window.kernel, pool.window.stride, pool.window.before
    if padded:
        top = left = 0
    height, width = (pool.size[0] - 1) * down + k, (pool.size[1] - 1) * right + m
    h, w = maps.shape[-2:]
    return F.pad(maps, (left, width - w - left, top, height - h - top))
