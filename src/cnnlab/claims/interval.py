"""The interval of a difference of means by Student's t."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t


@dataclass(frozen=True)
class Estimate:
    """Of a difference: its standard error, the degrees of freedom of Student's t, and from how many values it is, of
    the smaller of two `groups`, or of the one group of differences."""

    value: float
    error: float
    freedom: float
    n: int
    groups: Literal[1, 2]

    @property
    def scatters(self) -> bool:
        return self.error > 1e-12 * abs(self.value)

    def interval(self, alpha: float) -> tuple[float, float]:
        half = float(t.isf(alpha / 2, self.freedom)) * self.error
        return self.value - half, self.value + half

    def p_above(self, bound: float) -> float:
        """The smallest alpha at which the interval is no longer wholly above `bound`; more than 1 below it."""
        return 2 * float(t.sf((self.value - bound) / self.error, self.freedom))

    def p_below(self, bound: float) -> float:
        return 2 * float(t.sf((bound - self.value) / self.error, self.freedom))


def of_values(values: Sequence[float]) -> Estimate:
    """Of the mean of these values (n >= 2)."""
    n = len(values)
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(n), n - 1, n, groups=1)


def of_two(left: Sequence[float], right: Sequence[float]) -> Estimate:
    """Of the difference of two means (n >= 2 each), Welch 1947."""
    a, b = (float(np.var(values, ddof=1)) / len(values) for values in (left, right))
    value = float(np.mean(left)) - float(np.mean(right))
    freedom = (a + b) ** 2 / (a**2 / (len(left) - 1) + b**2 / (len(right) - 1)) if a + b else 1.0
    return Estimate(value, math.sqrt(a + b), freedom, min(len(left), len(right)), groups=2)
