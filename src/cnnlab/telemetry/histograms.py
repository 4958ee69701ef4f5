"""Histograms of activations, gradients and weights over the range of their values, counted on the device."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

BINS = 40  # 0.75 KB per event; TensorBoard's default of 1,000 bins takes 9.9 KB and 9.5 ms


@dataclass(frozen=True)
class Histogram:
    """`counts[i]`: finite values between `edges[i]` and `edges[i + 1]`; `total`, `squares`: their sums.

    `nonfinite`: share of values that are NaN or infinite. Without finite values `counts` is empty.
    """

    counts: list[int]
    edges: list[float]
    total: float
    squares: float
    nonfinite: float

    def raw(self) -> dict[str, float | Sequence[float]]:
        """Arguments for torch.utils.tensorboard.summary.histogram_raw; needs at least one value."""
        return {
            "min": self.edges[0],
            "max": self.edges[-1],
            "num": sum(self.counts),
            "sum": self.total,
            "sum_squares": self.squares,
            "bucket_limits": self.edges[1:],
            "bucket_counts": self.counts,
        }


def measure(x: Tensor) -> Tensor:
    """`x` of any shape -> float64 (BINS + 6,) for `read`: counts, smallest, largest, sum, squares, finite, all.

    Never synchronizes. Bins are computed in float64: a range of 1e-44 or 6e38 has no width in float32.
    """
    x = x.detach().flatten().double()
    finite = x.isfinite()
    low, high = torch.where(finite, x, math.inf).amin(), torch.where(finite, x, -math.inf).amax()
    x = torch.where(finite, x, low)  # if none is finite, low is infinite and every place NaN; nan_to_num handles it
    place = ((x - low) * (BINS / (high - low))).nan_to_num(0.0).clamp_(0, BINS - 1).long()
    counts = torch.zeros(BINS + 1, dtype=torch.long, device=x.device)
    counts.scatter_add_(0, torch.where(finite, place, BINS), torch.ones_like(place))
    kept = torch.where(finite, x, 0.0)
    numbers = [low, high, kept.sum(), kept.square().sum(), finite.count_nonzero(), x.new_full((), x.numel())]
    return torch.cat([counts[:BINS].double(), torch.stack([number.double() for number in numbers])])


def measure_weight(weight: Tensor, gradient: Tensor, update: Tensor) -> Tensor:
    return measure(weight)


# For a Probe separate from that of the scalars: Probe(network, STATISTICS).
STATISTICS = {
    "activation": {"histogram": measure},
    "gradient": {"histogram": measure},
    "weight": {"histogram": measure_weight},
}


def read(measured: Mapping[str, Tensor]) -> dict[str, Histogram]:
    """Results of `measure`, by name, in one transfer from the device."""
    if not measured:
        return {}
    rows = torch.stack(list(measured.values())).tolist()
    return {name: _histogram(row) for name, row in zip(measured, rows, strict=True)}


def _histogram(row: list[float]) -> Histogram:
    low, high, total, squares, finite, everything = row[BINS:]
    nonfinite = 1 - finite / everything if everything else 0.0
    if not finite:
        return Histogram([], [], 0.0, 0.0, nonfinite)
    if low == high:  # a single value: widen by 1 % of it on either side, so that its bin has a width
        margin = 0.01 * abs(low) or 0.01
        edges, counts = [low - margin, high + margin], [int(finite)]
    else:
        edges = [low + (high - low) * i / BINS for i in range(BINS)] + [high]
        counts = [int(count) for count in row[:BINS]]
    return Histogram(counts, edges, total, squares, nonfinite)


def note(histograms: Mapping[str, Histogram]) -> str:
    """Markdown table of the histograms that leave out NaN or infinity, with the share; empty if none does."""
    rows = [f"| {name} | {100 * h.nonfinite:.3g} % |" for name, h in histograms.items() if h.nonfinite > 0]
    return "\n".join(["| histogram | NaN or infinite, left out |", "| --- | --- |", *rows]) if rows else ""
