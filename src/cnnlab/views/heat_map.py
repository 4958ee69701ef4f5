"""Heat maps of a run: a statistic of every layer, in order of execution, at every measured step."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from cnnlab.views.journey_figure import short
from cnnlab.views.panels import SMALL, card_title
from cnnlab.views.tiles import CARD, INK, NOT_FINITE

NAMED = 24  # layers up to which their names fit on the axis
COLUMNS = 240  # to which more measured steps are merged
LONGEST = 18  # characters of a layer's name
LINE, FEWEST = 0.165, 6  # inches of a layer; of this many at least
FINE, TICKS = 2, 5  # decades up to which 2 and 5 have a tick too; how many powers of ten have one
# Without the darkest, which is too near the black of 0.
DECADES = ListedColormap(colormaps["viridis"](np.linspace(0.2, 1, 256)))
SHARES = colormaps["Blues"]
POWERS = {0: "0", 1: "1", 10: "10", 100: "100", 1000: "1,000", 10**4: "10k", 10**5: "100k", 10**6: "1M", 10**7: "10M"}
ZERO, UNMEASURED = "#000000", "#e4e4e4"


@dataclass(frozen=True)
class Shown:
    """A statistic that has a heat map. `unit` says what the colours are. `share`: from 0 to 100 %, else logarithmic."""

    title: str
    unit: str
    share: bool = False


SHOWN = {
    "activation/std": Shown("Signal", "standard deviation of activations"),
    "activation/zeros": Shown("Sparsity", "share of activations that are 0", share=True),
    "activation/dead": Shown("Dead units", "share of units that are 0 for all images", share=True),
    "saturation/share": Shown("Saturation", "share of activations at a bound", share=True),
    "gradient/std": Shown("Gradient", "standard deviation of d loss / d pre-activation"),
    "weight/update_ratio": Shown("Step size", "norm of the update / norm of the weights"),
}


@dataclass(frozen=True)
class Table:
    """`values` (layers, steps), of which `measured` were; what was not is NaN."""

    layers: Sequence[str]
    steps: np.ndarray
    values: np.ndarray
    measured: np.ndarray


def heat_maps(history: Sequence[Mapping[str, float]]) -> Iterator[tuple[str, Figure]]:
    """(`activation_std`, its figure) for each of SHOWN that was measured at two steps or more. `history`: logged rows,
    as `Recorder.history`."""
    known = sorted(set().union(*history))
    for name, shown in SHOWN.items():
        keys = [key for key in known if key.startswith(f"{name}/")]
        table = merged(_table(history, keys))
        if len(table.steps) > 1:
            yield name.replace("/", "_"), heat_map(table, shown)


def _table(history: Sequence[Mapping[str, float]], keys: Sequence[str]) -> Table:
    rows = {int(row["step"]): row for row in history if any(key in row for key in keys)}
    steps = sorted(rows)
    values = np.array([[rows[step].get(key) for step in steps] for key in keys], float).reshape(len(keys), len(steps))
    measured = np.ones(values.shape, bool)
    for layer, at in np.argwhere(np.isnan(values)):
        measured[layer, at] = keys[layer] in rows[steps[at]]
    return Table([key.rpartition("/")[2] for key in keys], np.array(steps), values, measured)


def position(step: Any) -> Any:
    """On the axis: logarithmic, as telemetry measures early steps, with a place for step 0."""
    return np.log2(1 + step)


def merged(table: Table) -> Table:
    """At most COLUMNS steps: those too near to each other become the last of them, with their median, which is not
    finite where one of them is."""
    if len(table.steps) <= COLUMNS:
        return table
    at = position(table.steps)
    column = np.minimum((at - at[0]) / (at[-1] - at[0]) * COLUMNS, COLUMNS - 1).astype(int)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    parts = [slice(start, end) for start, end in zip(starts, [*starts[1:], len(column)], strict=True)]
    return Table(
        table.layers,
        np.array([table.steps[part][-1] for part in parts]),
        np.stack([_median(table.values[:, part], table.measured[:, part]) for part in parts], axis=1),
        np.stack([table.measured[:, part].any(1) for part in parts], axis=1),
    )


def _median(values: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Of each row's measured values; NaN where one of these is not finite, or there is none."""
    broken = np.any(measured & ~np.isfinite(values), axis=1) | ~np.any(measured, axis=1)
    kept = np.where(broken[:, np.newaxis], 0.0, np.where(measured, values, np.nan))
    return np.where(broken, np.nan, np.nanmedian(kept, axis=1))


def heat_map(table: Table, shown: Shown) -> Figure:
    """Layers from top to bottom, steps from left to right. Where the scale is logarithmic, 0 is black; what is not
    finite is magenta, what was not measured grey."""
    # Inches from the bottom: legend, label and ticks of the scale, the scale, step and its ticks, map, title. Placed
    # by hand, since a constrained layout takes longer than the drawing.
    high = LINE * min(max(len(table.layers), FEWEST), NAMED)
    special = [(colour, words, where) for colour, words, where in _special(table, shown) if where.any()]
    bottom = 0.2 if special else 0.0
    figure = Figure(figsize=(CARD, bottom + high + 1.3))
    card_title(figure, f"{shown.title}: every layer, during training")
    left = 0.12 + (0.068 * min(LONGEST, max(map(len, table.layers))) if len(table.layers) <= NAMED else 0.4)
    ax = figure.add_axes(_part(figure, left, bottom + 1.0, CARD - 0.1 - left, high))
    least, most = _range(table, shown)
    norm, colours = (Normalize(0, 1), SHARES) if shown.share else (LogNorm(least, most), DECADES)
    with np.errstate(invalid="ignore"):
        cells = np.asarray(colours(norm(np.where(table.values >= least, np.minimum(table.values, most), least))))
    for colour, _, where in special:
        cells[where] = to_rgba(colour)
    ax.pcolormesh(_edges(position(table.steps)), np.arange(len(table.layers) + 1) + 0.5, cells)
    _axes(ax, table)
    bar = figure.colorbar(
        ScalarMappable(norm, colours),
        cax=figure.add_axes(_part(figure, 0.4, bottom + 0.48, CARD - 0.8, 0.1)),
        orientation="horizontal",
        ticks=[0, 0.25, 0.5, 0.75, 1] if shown.share else _ticks(least, most),
        format=PercentFormatter(1) if shown.share else _power,
    )
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=SMALL)
    bar.set_label(shown.unit if shown.share else f"{shown.unit}, logarithmic", fontsize=SMALL)
    if special:
        patches = [Patch(facecolor=colour, edgecolor=INK, label=words) for colour, words, _ in special]
        place = {"loc": "lower center", "borderpad": 0.1, "ncols": 3, "columnspacing": 1.2}
        figure.legend(handles=patches, fontsize=SMALL, frameon=False, **place)
    return figure


def _part(figure: Figure, left: float, bottom: float, width: float, height: float) -> tuple[float, float, float, float]:
    """From inches to shares of the figure."""
    wide, high = figure.get_size_inches()
    return left / wide, bottom / high, width / wide, height / high


def _power(value: float, _: object = None) -> str:
    """Of a tick: 0.01, 500, 1e-6."""
    return f"{value:g}" if 1e-2 <= value < 1e4 else f"1e{round(math.log10(value))}"


def _ticks(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if last - first <= FINE:
        ticks = [digit * 10.0**power for power in range(first, last + 1) for digit in (1, 2, 5)]
    else:
        ticks = [10.0**power for power in range(first, last + 1, math.ceil((last - first) / TICKS))]
    return [tick for tick in ticks if low <= tick <= high]


def _special(table: Table, shown: Shown) -> list[tuple[str, str, np.ndarray]]:
    """(colour, words, which cells) of values that have no place on the scale."""
    special = [
        (NOT_FINITE, "NaN or infinite", table.measured & ~np.isfinite(table.values)),
        (UNMEASURED, "not measured", ~table.measured),
    ]
    return special if shown.share else [(ZERO, "exactly 0", table.values == 0), *special]


def _range(table: Table, shown: Shown) -> tuple[float, float]:
    """Of the colours: a decade at least, so that nothing looks larger than it is."""
    if shown.share:
        return 0.0, 1.0
    drawable = table.values[np.isfinite(table.values) & (table.values > 0)]
    low, high = (float(drawable.min()), float(drawable.max())) if drawable.size else (1.0, 1.0)
    wider = max(1.0, math.sqrt(10 * low / high))
    return low / wider, high * wider


def _edges(centres: np.ndarray) -> np.ndarray:
    """Of cells: half way between neighbours."""
    between = (centres[1:] + centres[:-1]) / 2
    return np.array([2 * centres[0] - between[0], *between, 2 * centres[-1] - between[-1]])


def _axes(ax: Axes, table: Table) -> None:
    ax.invert_yaxis()
    ax.tick_params(labelsize=SMALL)
    ax.set_xlabel("step, logarithmic", fontsize=SMALL, labelpad=1)
    first, last = position(table.steps[[0, -1]])
    words = f"{table.steps[-1]:,}"
    free = last - (0.05 + 0.025 * len(words)) * (last - first)  # of the last step, which is written in full
    steps = [step for step in POWERS if step >= table.steps[0] and position(step) < free]
    ax.set_xticks([*map(position, steps), last], [*(POWERS[step] for step in steps), words])
    ax.get_xticklabels()[-1].set_horizontalalignment("right" if len(words) > 4 else "center")
    if len(table.layers) <= NAMED:
        ax.set_yticks(range(1, len(table.layers) + 1), [short(layer, LONGEST) for layer in table.layers])
    else:
        ax.set_ylabel("layer, in order of execution", fontsize=SMALL)
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
