"""Medians and ranges over rounds, and tables of them."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple


class Ratio(NamedTuple):
    """Over the rounds: median, smallest, largest."""

    middle: float
    low: float
    high: float

    @property
    def span(self) -> str:
        return f"{self.low:.2f} .. {self.high:.2f}"


def ratio(own: Sequence[float], base: Sequence[float]) -> Ratio:
    """Of times in the same rounds, which a drift of the machine affects equally."""
    each = [a / b for a, b in zip(own, base, strict=True)]
    return Ratio(median(each), min(each), max(each))


def ratios(times: Mapping[str, Sequence[float]], base: str) -> dict[str, Ratio]:
    return {name: ratio(seconds, times[base]) for name, seconds in times.items()}


def ms(seconds: Sequence[float]) -> str:
    return f"{1000 * median(seconds):.1f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


def at_most(value: float, target: float) -> str:
    return f"{target:g}, {'met' if value <= target else 'missed'}"


def at_least(value: float, target: float) -> str:
    return f"{target:g}, {'met' if value >= target else 'missed'}"
