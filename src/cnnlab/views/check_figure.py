"""Loss of a check: of one batch against steps, of the range test against the learning rate."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

OWN, REFERENCE = "#c05621", "#2b6cb0"


def one_batch_figure(own: Sequence[float], reference: Sequence[float]) -> Figure:
    """Losses before each step, on a logarithmic axis."""
    drawn, ax = _figure("One batch again and again: does the network learn it by heart?")
    for losses, colour, label in ((own, OWN, "this run's setup"), (reference, REFERENCE, "reference: plain AdamW")):
        ax.plot(range(len(losses)), _drawable(losses), color=colour, label=label, marker="o", markersize=2.5)
    ax.set(xlabel="step", ylabel="loss", yscale="log")
    ax.legend(frameon=False)
    return drawn


def range_figure(rates: Sequence[float], losses: Sequence[float], marked: Mapping[str, float | None]) -> Figure:
    """Smoothed loss against the growing rate. `marked`: `best`, `largest` and the run's `rate`, as far as known."""
    drawn, ax = _figure("Range test: the learning rate grows at every step")
    ax.plot(rates, _drawable(losses), color=REFERENCE)
    ax.set(xlabel="learning rate", ylabel="loss, smoothed", xscale="log")
    if losses:
        ax.set_ylim(0, 1.25 * max(losses[: max(1, len(losses) // 2)]))  # the end, where it blows up, is cut
    words = {"best": "suggested", "largest": "largest before it blows up", "rate": "of this run"}
    colours = {"best": "#2f855a", "largest": "#9b2c2c", "rate": OWN}
    for name, rate in marked.items():
        if rate is not None:
            ax.axvline(rate, color=colours[name], linestyle="--", linewidth=1.2, label=f"{words[name]}: {rate:.1e}")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False)
    return drawn


def _figure(title: str) -> tuple[Figure, Axes]:
    drawn = Figure(figsize=(7.2, 4.4), layout="constrained")
    ax = drawn.subplots()
    ax.set_title(title)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    return drawn, ax


def _drawable(losses: Sequence[float]) -> list[float]:
    """NaN, which is not drawn, for what a logarithmic axis cannot show."""
    return [loss if math.isfinite(loss) and loss > 0 else math.nan for loss in losses]
