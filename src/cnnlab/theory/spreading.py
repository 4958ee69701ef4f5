"""Gradients below poolings: what the windows pass to their cells. Windows that overlap pass to the same cells, and
their gradients are alike: below a global average, every position gets the same."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnlab.theory.graph import Pool
from cnnlab.theory.maps import HERE, MomentMaps, Step, inside, kept, opposite, partners
from cnnlab.theory.pooling import own_cells, shares, within


def steps_above(pool: Pool, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps between windows whose gradients meet in cells that are `steps` apart."""
    return kept((between for cell in within(pool) for _, between in _meeting(pool, steps, cell)), pool.size)


def spread(above: MomentMaps, slopes: Tensor, pool: Pool, size: tuple[int, int], steps: tuple[Step, ...]) -> Tensor:
    """(N, D, H, W), products of the gradients of cells that are `steps` apart on a map of `size`, 0 for cells in no
    window. `above`: of the windows, at `steps_above`. `slopes`: (N, H', W', km), as from `pooling.largest`, not used by
    other poolings."""
    above = above.both_ways()
    met = [(cell, *zip(*found, strict=True)) for cell in within(pool) if (found := list(_meeting(pool, steps, cell)))]
    pairs = torch.zeros(len(above.mean), len(steps), *size, dtype=above.mean.dtype)
    if pool.largest:
        chances = [_chances(pool, [steps[place] for place in places], between, cell) for cell, places, between in met]
        for image, own in enumerate(slopes.movedim(-1, 1).unflatten(1, pool.window.kernel)):  # (k, m, H', W')
            there = partners(own.flatten(0, 1), above.steps).transpose(0, 1).unflatten(1, pool.window.kernel)
            level = (own.sum((0, 1)) * there.sum((1, 2))).sqrt().clamp_min(1e-300)
            gradients = above.pairs[image] / level  # one image at a time, to save memory
            for (cell, places, between), chance in zip(met, chances, strict=True):
                chosen = [above.steps.index(step) for step in between]
                passed = chance * _of_largest(own, there[chosen], level[chosen], pool, between, cell)
                cells = _folded(gradients[chosen][:, None, None] * passed, pool)
                pairs[image, places] += _on_map(cells, pool, size)
    else:
        share = shares(pool, size)
        above = replace(above, pairs=above.pairs * share * partners(share[None], above.steps))
        for cell, places, between in met:
            windows = above.stacked(between)
            cells = F.conv_transpose2d(
                windows.flatten(0, 1)[:, None], _own(pool, cell)[None, None], stride=pool.window.stride
            )
            pairs[:, places] += _on_map(cells.view(*windows.shape[:2], *cells.shape[-2:]), pool, size)
    return pairs * inside(size, steps)


def _meeting(pool: Pool, steps: tuple[Step, ...], cell: Step) -> Iterator[tuple[int, Step]]:
    """Places of `steps` that lead from a cell to the one `cell` further in another window, and how far that is."""
    (down, right), (h, w) = pool.window.stride, pool.size
    for place, (a, b) in enumerate(steps):
        (row, no_row), (column, no_column) = divmod(a - cell[0], down), divmod(b - cell[1], right)
        if no_row == no_column == 0 and abs(row) < h and abs(column) < w:
            yield place, (row, column)


def _own(pool: Pool, cell: Step) -> Tensor:
    """(k, m): 1 for a window's cells that have one `cell` away in it, else 0."""
    own = torch.zeros(pool.window.kernel, dtype=torch.float64)
    own[own_cells(pool, cell)] = 1
    return own


def _chances(pool: Pool, steps: list[Step], between: tuple[Step, ...], cell: Step) -> Tensor:
    """(S, k, m, 1, 1), for two cells that are `steps` apart, in windows `between` apart: the chance that both are the
    maximum of their window, over the product of the chances that each is; over their root for a cell with itself.

    Approximate: as if the cells of both windows were exchangeable. A common cell that is the largest of one window's
    n cells is that of all 2 n - common cells with probability n / (2 n - common); any other pair shares the rest.
    """
    (k, m), (down, right) = pool.window.kernel, pool.window.stride
    own, found = _own(pool, cell), []
    for step, (a, b) in zip(steps, between, strict=True):
        common = max(k - abs(down * a), 0) * max(m - abs(right * b), 0) / (k * m)
        if step == HERE:
            found.append(own / (2 - common))
        elif common == 1:
            found.append(torch.zeros_like(own))
        else:  # two cells of both windows cannot both be the largest
            apart = own * (1 - _own(pool, step) * _own(pool, (-down * a, -right * b)))
            found.append(apart * (1 - common / (2 - common)) / (1 - common**2))
    return torch.stack(found)[..., None, None]


def _of_largest(
    slopes: Tensor, there: Tensor, level: Tensor, pool: Pool, between: tuple[Step, ...], cell: Step
) -> Tensor:
    """Of an image, (S, k, m, H', W'): E phi' phi' of each cell and the one `cell` further in the window `between` away,
    times `level`, times the product of the chances that each is the maximum of its window, or their root for a cell
    with itself.

    `slopes`: (k, m, H', W'), of the windows; `there`: (S, k, m, H', W'), of those `between` away. `level`: (S, H', W'),
    the root of the product of both windows' sums.
    """
    (down, right), (c, d), own = pool.window.stride, cell, own_cells(pool, cell)
    both = torch.zeros_like(there)
    both[:, *own] = slopes[*own] * there[:, *own_cells(pool, opposite(cell))]
    for place, (a, b) in enumerate(between):
        if (down * a + c, right * b + d) == HERE:
            both[place] = both[place].sqrt() * level[place]
    return both


def _folded(values: Tensor, pool: Pool) -> Tensor:
    """(S, k, m, H', W') -> (S, H, W) of the part that windows cover: the sum over those that a cell is in."""
    (k, m), (down, right) = pool.window.kernel, pool.window.stride
    covered = ((pool.size[0] - 1) * down + k, (pool.size[1] - 1) * right + m)
    return F.fold(values.flatten(3).flatten(1, 2), covered, (k, m), stride=(down, right))[:, 0]


def _on_map(cells: Tensor, pool: Pool, size: tuple[int, int]) -> Tensor:
    top, left = pool.window.before
    (height, width), (h, w) = cells.shape[-2:], size
    return F.pad(cells, (-left, w + left - width, -top, h + top - height))
