"""The metric over each swept axis, numbers as numbers; and over two axes at once, as a heat map."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, to_hex
from matplotlib.patches import Rectangle

from cnnlab.claims.axes import as_number, in_order, short_names
from cnnlab.claims.conclusion import mean_in_words
from cnnlab.claims.groups import Group
from cnnlab.views.report.arm_legend import ArmLegend
from cnnlab.views.report.vector_page import MUTED, WIDTH, Sketch, is_logarithmic, make_logarithmic

_COLOURS = colormaps["viridis"]
_KINDS = ("-", "--", ":", "-.")  # of lines of one colour
_HIGH = 0.16  # inches between lines of text
_BESIDE = 0.75  # inches that the labels on the left of a panel take


def axes_figure(groups: Sequence[Group], legend: ArmLegend) -> str:
    """A panel an axis; empty where there is one axis of words, which the dots of the runs show already."""
    known = [group for group in groups if group.mean is not None]
    axes = [axis for axis in (known[0].labels if known else ()) if len({g.labels[axis] for g in known}) > 1]
    if not axes or (len(axes) == 1 and _numbers(in_order([g.labels[axes[0]] for g in known])) is None):
        return ""
    columns = min(len(axes), 3)
    rows = -(-len(axes) // columns)
    width = WIDTH if columns > 1 else 6.0
    with Sketch("axes", width, 2.9 * rows) as sketch:
        panels = sketch.panels(rows, columns, sharey=True)
        for ax, axis in zip(panels, axes, strict=False):
            _over(sketch, ax, axis, known, legend, width / columns - _BESIDE)
        for ax in panels[len(axes) :]:
            ax.set_visible(False)
        for ax in panels[::columns]:
            ax.set_ylabel(known[0].metric.title)
    return sketch.svg


def _over(sketch: Sketch, ax: Axes, axis: str, groups: Sequence[Group], legend: ArmLegend, inches: float) -> None:
    """One panel, which is `inches` wide."""
    values = in_order([group.labels[axis] for group in groups])
    numbers = _numbers(values)
    places = dict(zip(values, numbers or range(len(values)), strict=True))
    lines: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        lines.setdefault(tuple(v for key, v in group.labels.items() if key != axis), []).append(group)
    styles = _styles(ax, axis, groups, legend) if numbers else {}
    scale = groups[0].metric.scale
    for number, members in enumerate(lines.values()):
        members.sort(key=lambda group: places[group.labels[axis]])
        shift = 0.0 if numbers or len(lines) == 1 else 0.3 * (2 * number / (len(lines) - 1) - 1)
        arms = {legend.index(group) for group in members}
        if numbers and len(members) > 1:
            x, y = [places[g.labels[axis]] for g in members], [scale * g.whisker[0] for g in members]
            colour = legend.colour(members[0]) if len(arms) == 1 else MUTED
            style = styles.get(_rest(members[0], axis, legend), "-")
            (line,) = ax.plot(x, y, color=colour, linewidth=1.3, alpha=0.8, linestyle=style)
            own = [f"{key}={value}" for key, value in members[0].labels.items() if key != axis]
            sketch.mark(line, arms.pop() if len(arms) == 1 else None, ", ".join(own))
        for group in members:
            at, colour = places[group.labels[axis]] + shift, legend.colour(group)
            mean, low, high = (scale * end for end in group.whisker)
            (bar,) = ax.plot([at, at], [low, high], color=colour, linewidth=1, alpha=0.55)
            (dot,) = ax.plot(at, mean, color=colour, marker="o", markersize=5, markeredgewidth=0)
            for artist in (bar, dot):
                sketch.mark(artist, legend.index(group), f"{group.name}: {mean_in_words(group)}")
    if numbers:
        if is_logarithmic(list(numbers)):
            make_logarithmic(ax, "x")
        _label_numbers(ax, numbers, values, inches)
    else:
        ax.set_xlim(-0.6, len(values) - 0.4)
        _label_words(ax, values, inches)
    ax.set_xlabel(axis)


def _rest(group: Group, axis: str, legend: ArmLegend) -> tuple[str, ...]:
    """What tells a group from others in a panel over `axis` which have its colour."""
    return tuple(value for key, value in group.labels.items() if key not in (axis, legend.axis))


def _styles(ax: Axes, axis: str, groups: Sequence[Group], legend: ArmLegend) -> dict[tuple[str, ...], str]:
    """A kind of line for each `_rest`, told above the panel; empty where colours say it all, or the kinds are too few,
    so that pointing at a line tells."""
    distinct = list(dict.fromkeys(_rest(group, axis, legend) for group in groups))
    own_colours = legend.axis is None and bool(legend.values)
    if own_colours or not 2 <= len(distinct) <= len(_KINDS):
        return {}
    keys = [key for key in groups[0].labels if key not in (axis, legend.axis)]
    names = short_names([dict(zip(keys, each, strict=True)) for each in distinct])
    for kind, name in zip(_KINDS, names, strict=False):
        ax.plot([], [], color=MUTED, linewidth=1.3, linestyle=kind, label=name)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=7.5, handlelength=2.8)
    return dict(zip(distinct, _KINDS, strict=False))


def _label_numbers(ax: Axes, numbers: Sequence[float], labels: Sequence[str], inches: float) -> None:
    """A tick at each number, which are in order, and a label at those that have room: the last, and from the left."""
    at = np.log(numbers) if ax.get_xscale() == "log" else np.asarray(numbers, dtype=float)
    centres = inches / 1.1 * (at - at[0]) / (float(np.ptp(at)) or 1.0)  # 5 % are free on either side
    widths = [_wide(label) for label in labels]
    kept: list[int] = []
    for i in range(len(labels)):
        beside = [*kept[-1:], *([len(labels) - 1] if i < len(labels) - 1 else [])]
        if all(abs(centres[i] - centres[j]) > (widths[i] + widths[j]) / 2 for j in beside):
            kept.append(i)
    others = [number for i, number in enumerate(numbers) if i not in kept]
    ax.set_xticks([numbers[i] for i in kept], [labels[i] for i in kept])
    ax.set_xticks(others, [""] * len(others), minor=True)


def _label_words(ax: Axes, labels: Sequence[str], inches: float) -> None:
    """All of them, turned as far as their room asks."""
    ax.set_xticks(range(len(labels)), labels)
    room = inches / len(labels)
    if max(map(_wide, labels)) > room:
        ax.tick_params(axis="x", labelrotation=30 if room > 2 * _HIGH else 90)


def _wide(label: str) -> float:
    """Inches that a label takes, with the gap to the next."""
    return 0.08 * len(label) + 0.08


def heat_map(groups: Sequence[Group], legend: ArmLegend) -> str:
    """Mean in each cell of two axes; empty unless there are exactly two, with two values or more each."""
    known = [group for group in groups if group.mean is not None]
    axes = list(known[0].labels) if known else []
    if len(axes) != 2:
        return ""
    down, across = (in_order([group.labels[axis] for group in groups]) for axis in axes)
    if min(len(down), len(across)) < 2:
        return ""
    metric, means = known[0].metric, [group.mean or 0.0 for group in known]
    good = [metric.sign() * mean for mean in means]  # yellow is good, whichever way that is
    shade = Normalize(min(good), max(good))
    width = min(WIDTH, 2.2 + 0.95 * len(across))
    with Sketch("heat", width, 0.9 + 0.42 * len(down)) as sketch:
        (ax,) = sketch.panels()
        for group in known:
            x, y = across.index(group.labels[axes[1]]), down.index(group.labels[axes[0]])
            colour = _COLOURS(shade(metric.sign() * (group.mean or 0.0)))
            cell = Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=to_hex(colour), linewidth=0)
            ax.add_patch(cell)
            bright = float(np.dot(colour[:3], (0.299, 0.587, 0.114))) > 0.55
            text = ax.text(
                x,
                y,
                metric.bare(group.mean or 0, 1),
                ha="center",
                va="center",
                color="#000001" if bright else "#fffffd",
            )
            for artist in (cell, text):
                sketch.mark(artist, legend.index(group), f"{group.name}: {mean_in_words(group)}")
        _label_words(ax, across, width - _wide(max(down, key=len)) - _BESIDE)
        ax.set_yticks(range(len(down)), down)
        ax.set(xlim=(-0.5, len(across) - 0.5), ylim=(len(down) - 0.5, -0.5), xlabel=axes[1], ylabel=axes[0])
        ax.set_title(f"mean {metric.title}")
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    return sketch.svg


def _numbers(values: Sequence[str]) -> list[float] | None:
    """All values as numbers, or None."""
    numbers = [as_number(value) for value in values]
    finite = [number for number in numbers if number is not None and np.isfinite(number)]
    return finite if len(finite) == len(values) else None
