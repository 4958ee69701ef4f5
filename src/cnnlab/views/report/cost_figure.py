"""What the accuracy of each group costs: time, MACs, weights, activation memory."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from cnnlab.claims.conclusion import mean_in_words
from cnnlab.claims.groups import Group
from cnnlab.common.words import memory, number, rough
from cnnlab.views.report.arm_legend import ArmLegend
from cnnlab.views.report.vector_page import WIDTH, Sketch, is_logarithmic, make_logarithmic

COSTS = {
    "time/training_s": ("training time, s", number),
    "model/macs": ("MACs per image", rough),
    "model/parameters": ("weights", rough),
    "model/saved_bytes": ("activation memory per image", lambda value: memory(int(value))),
}


def cost_figure(groups: Sequence[Group], legend: ArmLegend) -> str:
    """A panel for each cost in which the groups differ; empty if there is one group, or none."""
    known = [group for group in groups if group.mean is not None]
    costs = {key: [_cost(group, key) for group in known] for key in COSTS}
    shown = {
        key: found
        for key, values in costs.items()
        if len(found := [value for value in values if value is not None]) == len(known) and len(set(found)) > 1
    }
    if not shown:
        return ""
    with Sketch("cost", min(WIDTH, 1.0 + 2.9 * len(shown)), 2.7) as sketch:
        panels = sketch.panels(1, len(shown), sharey=True)
        panels[0].set_ylabel(known[0].metric.title)
        for ax, (key, values) in zip(panels, shown.items(), strict=True):
            _panel(sketch, ax, key, dict(zip([group.name for group in known], values, strict=True)), known, legend)
    return sketch.svg


def _panel(
    sketch: Sketch, ax: Axes, key: str, costs: Mapping[str, float], groups: Sequence[Group], legend: ArmLegend
) -> None:
    heading, written = COSTS[key]
    for group in groups:
        cost, colour, scale = costs[group.name], legend.colour(group), group.metric.scale
        mean, low, high = (scale * end for end in group.whisker)
        (bar,) = ax.plot([cost, cost], [low, high], color=colour, alpha=0.5)
        (dot,) = ax.plot(cost, mean, color=colour, marker="o", markersize=6, markeredgewidth=0)
        for artist in (bar, dot):
            tip = f"{group.name}: {mean_in_words(group)} · {heading} {written(cost)}"
            sketch.mark(artist, legend.index(group), tip)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    if is_logarithmic(list(costs.values()), 8):
        make_logarithmic(ax, "x")
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.margins(x=0.15)
    else:
        ax.set_xlim(0, 1.15 * max(costs.values()))  # from 0, so that a small difference looks small
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value)))
    ax.set_xlabel(heading)


def _cost(group: Group, key: str) -> float | None:
    values = [value for run in group.runs if (value := run.value(key)) is not None]
    return fmean(values) if values else None
