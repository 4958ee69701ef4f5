"""Every run as a dot, by group, with the group's mean and interval."""

from collections.abc import Sequence

from cnnlab.claims.conclusion import mean_in_words
from cnnlab.claims.groups import Group, ranked
from cnnlab.claims.run_record import RunRecord, is_finite
from cnnlab.views.report.arm_legend import ArmLegend
from cnnlab.views.report.vector_page import INK, MUTED, WIDTH, Sketch, is_logarithmic, make_logarithmic

MOST = 40  # rows that one can still read


def runs_figure(groups: Sequence[Group], legend: ArmLegend) -> str:
    """SVG; empty if no run has a finite value, or there is one run. The best `MOST` groups, best on top."""
    shown = [group for group in ranked(groups) if any(map(is_finite, group.values))][:MOST]
    if not shown or sum(len(group.runs) for group in groups) == 1:
        return ""
    metric = shown[0].metric
    with Sketch("runs", WIDTH, 0.75 + 0.27 * len(shown) + (0.25 if len(shown) < 4 else 0)) as sketch:
        (ax,) = sketch.panels()
        for row, group in enumerate(shown):
            colour, arm = legend.colour(group), legend.index(group)
            places = range(len(group.with_result))
            for place, run in zip(places, group.with_result, strict=True):
                value = run.value(metric.key)
                if value is None or not is_finite(value):
                    continue
                # Runs of equal value would hide each other on one line.
                y = row + (0.22 if len(places) > 1 else 0) * (2 * place / max(len(places) - 1, 1) - 1)
                well = run.state == "completed"
                style = {"marker": "o" if well else "X", "markersize": 5 if well else 6.5, "markeredgewidth": 0}
                (dot,) = ax.plot(metric.scale * value, y, color=colour, alpha=0.75, linestyle="none", **style)
                sketch.mark(dot, arm, run_in_words(run, group))
            if group.mean is not None:
                mean, low, high = (metric.scale * end for end in group.whisker)
                (line,) = ax.plot([low, high], [row, row], color=colour, linewidth=1.4)
                (tick,) = ax.plot(mean, row, color=INK, marker="|", markersize=11, linestyle="none")
                for artist in (line, tick):
                    sketch.mark(artist, arm, f"{group.name}: {mean_in_words(group)}")
        if (chance := chance_of(shown)) is not None:
            ax.axvline(100 * chance, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        ax.set_yticks(range(len(shown)), [group.name for group in shown])
        ax.set_ylim(len(shown) - 0.45, -0.55)
        values = [float(value) for group in shown for value in group.values if is_finite(value)]
        if not metric.is_share and is_logarithmic(values):
            make_logarithmic(ax, "x")
        ax.set_xlabel(metric.title)
        ax.grid(axis="y", visible=False)
    return sketch.svg


def chance_of(groups: Sequence[Group]) -> float | None:
    """The accuracy of always guessing the largest class, if it is near enough to the runs to be drawn with them."""
    values = [float(value) for group in groups for value in group.values if is_finite(value)]
    chances = {run.value("test/chance") for group in groups for run in group.runs} - {None}
    if not values or len(chances) != 1 or groups[0].metric.key != "test/accuracy":
        return None
    chance = chances.pop()
    assert chance is not None
    return chance if min(values) - chance < max(values) - min(values) else None


def run_in_words(run: RunRecord, group: Group) -> str:
    value = run.value(group.metric.key)
    written = "no result" if value is None else group.metric.value(value)
    words = [group.name, f"seed {run.seed}" if run.seed is not None else "", written, run.state, run.name]
    return " · ".join(word for word in words if word)
