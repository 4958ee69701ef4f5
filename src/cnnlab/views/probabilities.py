"""Pictures with their class probabilities: of several pictures, or of one picture and its changed versions."""

from collections.abc import Sequence
from math import ceil

from matplotlib.figure import Figure
from torch import Tensor

from cnnlab.common.words import probability
from cnnlab.views import panels
from cnnlab.views.journey_figure import probability_bars, short

LARGEST = 16  # pictures drawn in one figure


@panels.as_written
def probabilities_figure(
    pictures: Sequence[Tensor], names: Sequence[str], shares: Tensor, classes: Sequence[str], top: int
):
    """Each picture, as the network gets it, with its `top` most probable classes.

    `pictures`: uint8 (C, H, W); `shares`: (pictures, classes). The first 16 are drawn.
    """
    count = min(len(pictures), LARGEST)
    columns = 1 if count < 4 else 2
    rows = ceil(count / columns)
    side = max(1.7, 0.5 + 0.24 * min(top, len(classes)))
    width, height = 6.4 * columns, (side + 0.55) * rows
    figure = Figure(figsize=(width, height), facecolor="white")
    grid = figure.add_gridspec(
        rows,
        columns,
        left=0.15 / width,
        right=1 - 0.15 / width,
        top=1 - 0.35 / height,
        bottom=0.3 / height,
        hspace=0.6 / side,
        wspace=0.08,
    )
    for at in range(count):
        longest = max(len(short(name)) for name in classes)
        inner = grid[at // columns, at % columns].subgridspec(1, 2, width_ratios=(1, 1.9), wspace=0.08 + 0.03 * longest)
        ax = figure.add_subplot(inner[0])
        panels.picture(ax, pictures[at] / 255)
        ax.set_title(short(names[at], 22), fontsize=9)
        probability_bars(figure.add_subplot(inner[1]), shares[at], classes, top)
    return figure


@panels.as_written
def variants_figure(
    pictures: Sequence[Tensor], words: Sequence[str], shares: Tensor, classes: Sequence[str], title: str
) -> Figure:
    """The picture and its changed versions, each with the predicted class and its probability.

    The first of `pictures`, float (C, H, W) in 0..1, is the unchanged one. Bars show the probability of its
    class; orange where another class wins.
    """
    columns = min(6, len(pictures))
    rows = ceil(len(pictures) / columns)
    width, height = 1.75 * columns + 0.2, 2.3 * rows + 0.75
    figure = Figure(figsize=(width, height), facecolor="white")
    figure.text(0.12 / width, 1 - 0.12 / height, title, fontsize=12, va="top", weight="bold")
    own = int(shares[0].argmax())
    kept = sum(int(row.argmax()) == own for row in shares[1:])
    name = short(classes[own])
    hint = f"classified as {name} in {kept} of {len(pictures) - 1} changed versions; bars: probability of {name}"
    figure.text(0.12 / width, 1 - 0.4 / height, hint, fontsize=9, va="top", color="#555555")
    for at, (picture, word, row) in enumerate(zip(pictures, words, shares, strict=True)):
        left, top = 0.15 + 1.75 * (at % columns), height - 0.95 - 2.3 * (at // columns)
        ax = figure.add_axes((left / width, (top - 1.55) / height, 1.55 / width, 1.55 / height))
        panels.picture(ax, picture)
        ax.set_title(word, fontsize=9, pad=3)
        best = int(row.argmax())
        colour = "#1864ab" if best == own else panels.MARK
        bar = figure.add_axes((left / width, (top - 1.72) / height, 1.55 / width, 0.1 / height))
        panels.bare(bar)
        bar.barh([0], [float(row[own])], color=colour, height=1)
        bar.set_xlim(0, 1)
        bar.set_ylim(-0.5, 0.5)
        text = f"{short(classes[best])} {probability(float(row[best]))}"
        figure.text(
            (left + 0.775) / width, (top - 1.95) / height, text, fontsize=9, ha="center", color=colour, weight="bold"
        )
    return figure
