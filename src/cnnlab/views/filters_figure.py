"""Learned first-layer filters and their nearest classical kernels, as a figure and as a table."""

from math import ceil

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from cnnlab.common.words import percent
from cnnlab.networks.filters import NamedFilter, chance
from cnnlab.views import panels

CAPTION = (
    "cosine: of the angle between filter and kernel, as vectors of weights: 1 the same pattern, 0 nothing in "
    "common, -1 its negative, whose name has a minus. Chance: of random filters, 5 % are nearer than {limit:.2f} to a "
    "classical kernel."
)


def filters_figure(filters: list[NamedFilter]) -> Figure:
    """Learned filters of the first layer, each with its nearest classical kernel and the cosine.

    Names not above `networks.filters.chance` are grey.
    """
    limit = chance(filters[0].pattern.shape[-1])
    columns = min(8, len(filters))
    rows = ceil(len(filters) / columns)
    height = 1.95 * rows + 0.75
    figure = Figure(figsize=(max(1.6 * columns, 6.5), height), facecolor="white")
    grid = figure.add_gridspec(
        rows, columns, left=0.02, right=0.98, top=1 - 0.65 / height, bottom=0.5 / height, hspace=0.55
    )
    for at, row in enumerate(filters):
        ax = figure.add_subplot(grid[at // columns, at % columns])
        panels.signed(ax, row.pattern, panels.largest(row.pattern))
        near = abs(row.match.cosine) > limit
        ax.set_xlabel(
            f"{row.match.label.replace('_', ' ')}\n{abs(row.match.cosine):.2f}",
            fontsize=8,
            color="black" if near else "#999999",
        )
        ax.set_title(f"{row.index}", fontsize=8, color="#666666", pad=2)
    figure.suptitle(
        f"Learned first-layer filters and the classical kernel nearest to each\n"
        f"|cosine| below the name; grey: not above {limit:.2f}, which 5 % of random filters reach",
        fontsize=10,
        y=1 - 0.08 / height,
        va="top",
    )
    return figure


def filters_table(filters: list[NamedFilter]) -> Table:
    """The same as a table; with several input channels also the share that the rank-1 pattern holds."""
    limit = chance(filters[0].pattern.shape[-1])
    table = Table(title="Learned first-layer filters", caption=CAPTION.format(limit=limit), caption_justify="left")
    colour = len(filters[0].channels) > 1
    table.add_column("filter", justify="right")
    table.add_column("nearest classical kernel")
    table.add_column("cosine", justify="right")
    table.add_column("more than chance")
    if colour:
        table.add_column("one pattern holds", justify="right")
    for row in filters:
        near = abs(row.match.cosine) > limit
        cells = [str(row.index), row.match.label, f"{row.match.cosine:+.2f}", "yes" if near else "no"]
        if colour:
            cells.append(percent(row.share))
        table.add_row(*cells, style="" if near else "dim")
    return table


def print_filters(filters: list[NamedFilter]) -> None:
    Console().print(filters_table(filters))
