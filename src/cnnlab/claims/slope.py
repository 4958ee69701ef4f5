"""Scaling laws: slopes of logarithms over seeds."""

import math
from collections.abc import Mapping, Sequence

import numpy as np


def log_slope(points: Mapping[float, float]) -> float:
    """Least-squares slope of ln y over ln x of {x: y}; NaN with fewer than two points or a value <= 0."""
    if len(points) < 2 or not all(x > 0 and y > 0 and math.isfinite(y) for x, y in points.items()):
        return math.nan
    x, y = np.log(list(points)), np.log(list(points.values()))
    return float(np.polyfit(x, y, 1)[0])


def best_of(scores: Mapping[float, float], sign: int) -> float | None:
    """The x > 0 with the best score: the vertex of the parabola over ln x through the best point and its neighbours.

    `sign`: 1 where high scores are good, -1 where low ones are. None where the best point is an end of the grid: the
    true best may be outside.
    """
    grid = sorted(scores)
    values = [sign * scores[x] if math.isfinite(scores[x]) else -math.inf for x in grid]
    i = int(np.argmax(values))
    if i in (0, len(grid) - 1) or not math.isfinite(values[i]):
        return None
    around = _finite_slice(values, i)
    if len(around) < 3:
        return grid[i]
    a, b, _ = np.polyfit([math.log(grid[j]) for j in around], [values[j] for j in around], 2)
    return float(math.exp(-b / (2 * a))) if a < 0 else grid[i]


def _finite_slice(values: Sequence[float], i: int) -> list[int]:
    return [j for j in (i - 1, i, i + 1) if math.isfinite(values[j])]
