"""Kernels and their outputs on a picture, as a figure."""

from collections.abc import Mapping
from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from cnnlab.networks.kernels import Kernel, apply
from cnnlab.views import panels

_COUNTABLE = 12  # side up to which the numbers fit into the cells


def kernels_figure(
    image: Tensor, kernels: Mapping[str, Kernel], border: str, cells: Mapping[str, tuple[int, int]] | None = None
) -> Figure:
    """The input, then each kernel's numbers beside its output.

    `image`: uint8 (C, H, W). Outputs of kernels whose weights sum to 0 are drawn as signed maps (mean over channels,
    own scale), the others as pictures clipped to 0..1. `cells`: per kernel the output cell (row, column) to mark,
    together with its input patch.
    """
    columns = min(4, len(kernels) + 1)
    rows = ceil((len(kernels) + 1) / columns)
    width, height = 3.9 * columns, 2.95 * rows
    figure = Figure(figsize=(width, height), facecolor="white")
    grid = figure.add_gridspec(
        rows,
        columns,
        left=0.1 / width,
        right=1 - 0.1 / width,
        top=1 - 0.3 / height,
        bottom=0.08 / height,
        wspace=0.06,
        hspace=0.12,
    )
    places = [
        grid[at // columns, at % columns].subgridspec(1, 2, width_ratios=(1, 2.4), wspace=0.06)
        for at in range(len(kernels) + 1)
    ]
    _input(figure.add_subplot(places[0][1]), image, kernels, border, cells or {})
    legend = figure.add_subplot(places[0][0])
    legend.axis("off")
    legend.text(
        0,
        0.5,
        "kernels and\nedge pictures:\nred above 0\nwhite 0\nblue below 0",
        fontsize=8.5,
        va="center",
        linespacing=1.5,
    )
    for (name, kernel), (left, right) in zip(kernels.items(), places[1:], strict=True):
        ax = figure.add_subplot(left)
        panels.numbers(ax, kernel.values, size=_font(kernel))
        if kernel.divisor != 1:
            ax.set_xlabel(f"divided by {kernel.divisor:g}", fontsize=8.5)
        ax = figure.add_subplot(right)
        _output(ax, name, image, kernel, border)
        if cells and name in cells:
            panels.mark(ax, *cells[name], size=1)
    return figure


def _font(kernel: Kernel) -> float:
    """Font size at which the longest number fits its cell: the table is 79 points wide, a digit 0.64 em."""
    longest = max(len(f"{value:.3g}") for row in kernel.values for value in row)
    return min(10, 79 / len(kernel.values) / (0.64 * (longest + 0.5)))


def _scale(image: Tensor) -> float:
    """1 for binary pictures, else 255."""
    return 255.0 if int(image.max()) > 1 else 1.0


def _input(
    ax: Axes, image: Tensor, kernels: Mapping[str, Kernel], border: str, cells: Mapping[str, tuple[int, int]]
) -> None:
    panels.picture(ax, image / _scale(image))
    channels, height, width = image.shape
    ax.set_title(f"input, {'grey' if channels == 1 else 'colour'}, {height}x{width}", fontsize=11)
    if max(height, width) <= _COUNTABLE and channels == 1:
        panels.write(ax, image[0].tolist(), size=10, colour="#4dabf7")
    for name, cell in cells.items():
        k = len(kernels[name].values)
        before = 0 if border == "valid" else (k - 1) // 2
        panels.mark(ax, cell[0] - before, cell[1] - before, size=k)


def _output(ax: Axes, name: str, image: Tensor, kernel: Kernel, border: str) -> None:
    weights = kernel.tensor()
    output = apply(image.float() / _scale(image), weights, border)
    small = max(output.shape[-2:]) <= _COUNTABLE and len(output) == 1
    if small:
        panels.numbers(ax, output[0].tolist(), size=10)
    elif abs(float(weights.sum())) < 1e-6:
        shown = output.mean(0)
        # Clip at the 99th percentile, or only the strongest edges would have colour.
        panels.signed(ax, shown, float(shown.abs().flatten().quantile(0.99)))
    else:
        panels.picture(ax, output)
    ax.set_title(name.replace("_", " "), fontsize=11)
