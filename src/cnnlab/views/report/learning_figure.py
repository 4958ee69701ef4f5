"""Validation curves, mean and band over seeds; many groups in panels of their own."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cnnlab.claims.axes import in_order, short_name
from cnnlab.claims.curves import learning_curve
from cnnlab.claims.groups import Group
from cnnlab.claims.metric import Metric
from cnnlab.views.report.arm_legend import ArmLegend
from cnnlab.views.report.vector_page import WIDTH, Sketch, is_logarithmic, make_logarithmic

LINES = 4  # groups up to which every run has a thin line of its own
MOST_PANELS = 12
ACCURACY, LOSS = Metric("validation/accuracy"), Metric("validation/loss")


def learning_figure(groups: Sequence[Group], legend: ArmLegend) -> tuple[str, str]:
    """SVG and a caption; empty if nothing was validated."""
    drawn = [group for group in groups if learning_curve(group, ACCURACY.key)]
    if not drawn:
        return "", ""
    caption = "Mean over the seeds that got that far, and the band from the lowest to the highest of them."
    panels = _panels(groups, legend)
    if legend.axis is None or len(panels) > MOST_PANELS:
        shown = drawn if legend.values and legend.axis is None else legend.representatives(drawn)
        if len(shown) < len(drawn):
            caption += " The best group of each colour."
        with Sketch("learning", WIDTH, 3.1) as sketch:
            for ax, metric in zip(sketch.panels(1, 2), (ACCURACY, LOSS), strict=True):
                _draw(sketch, ax, shown, legend, metric)
                ax.set(title=f"{metric.title}", xlabel="training step")
        return sketch.svg, caption
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    with Sketch("learning", WIDTH, 0.3 + 2.2 * rows) as sketch:
        axes = sketch.panels(rows, columns, sharex=True, sharey=True)
        for ax, (title, members) in zip(axes, panels.items(), strict=False):
            _draw(sketch, ax, members, legend, ACCURACY)
            ax.set_title(title)
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        sketch.figure.supxlabel("training step", fontsize=9)
        sketch.figure.supylabel(ACCURACY.title, fontsize=9)
    return sketch.svg, caption


def _panels(groups: Sequence[Group], legend: ArmLegend) -> dict[str, list[Group]]:
    """The groups by all axes that have no colour."""
    rest = [axis for axis in groups[0].labels if axis != legend.axis]
    orders = {axis: in_order([group.labels[axis] for group in groups]) for axis in rest}
    members = sorted(groups, key=lambda group: [orders[axis].index(group.labels[axis]) for axis in rest])
    panels: dict[str, list[Group]] = {}
    for group in members:
        name = ", ".join(short_name(axis, group.labels[axis], orders[axis]) for axis in rest)
        panels.setdefault(name, []).append(group)
    return panels


def _draw(sketch: Sketch, ax: Axes, groups: Sequence[Group], legend: ArmLegend, metric: Metric) -> None:
    every = []
    for group in groups:
        band, colour, arm = learning_curve(group, metric.key), legend.colour(group), legend.index(group)
        mean, low, high = ([metric.scale * v for v in values] for values in (band.mean, band.low, band.high))
        if len(group.runs) > 1:
            sketch.mark(ax.fill_between(band.x, low, high, color=colour, alpha=0.16, linewidth=0), arm)
        if len(groups) <= LINES:
            for run in group.runs:
                points = [(row["step"], metric.scale * row[metric.key]) for row in run.history if metric.key in row]
                if points:
                    (line,) = ax.plot(*zip(*points, strict=True), color=colour, alpha=0.3, linewidth=0.7)
                    sketch.mark(line, arm, f"{group.name} · seed {run.seed} · {metric.name}")
        if band:
            single = {"marker": "o", "markersize": 3} if len(band.x) < 4 else {}
            (line,) = ax.plot(band.x, mean, color=colour, linewidth=1.8, **single)
            last = metric.value(band.mean[-1])
            sketch.mark(line, arm, f"{group.name}: mean {metric.name} at the end {last}, {len(group.runs)} seeds")
        every += [v for v in low if v > 0] + high
    if not metric.is_share and is_logarithmic(every):
        make_logarithmic(ax, "y")
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
