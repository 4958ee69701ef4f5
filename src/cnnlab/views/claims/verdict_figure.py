"""The evidence of a verdict, a row a comparison: its estimate and interval beside the smallest difference that matters;
where nothing is estimated, the two values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.path import Path as Stroke
from matplotlib.ticker import MaxNLocator

from cnnlab.claims.compared import Comparison
from cnnlab.claims.metric import Metric
from cnnlab.claims.verdict import Verdict, in_words
from cnnlab.views.report.report_tables import p_value
from cnnlab.views.report.vector_page import BAD, GOOD, GRID, INK, MUTED, PAPER, UNSURE, Sketch

MOST = 14  # rows that one takes in
LONGEST = 44  # characters of a row's label
SPREAD = 50.0  # of the rows, beyond which small ones would all lie on zero
FIGURE_WIDTH = 8.0  # inches
COLOURS = {
    **{"holds": GOOD, "does not hold": BAD, "no difference that matters": MUTED},
    **{"inconclusive": UNSURE, "unknown": MUTED},
}
CAPTION = (
    "Dot: the difference that was seen; line: its 95 % interval, not adjusted for the number of comparisons. "
    "Green holds, red (X) does not, grey (square) is no difference that matters, amber (hollow) is inconclusive."
)
_TICK = Stroke([(-0.5, 0.0), (-0.15, -0.4), (0.5, 0.5)])
_MARKS = {"holds": "o", "does not hold": "X", "no difference that matters": "s", "inconclusive": "o"}
_SIGNS = {"holds": _TICK, "does not hold": "x", "no difference that matters": "$=$", "inconclusive": "$?$"}


@dataclass(frozen=True)
class _Row:
    label: str
    found: Comparison

    @property
    def scale(self) -> float:
        """From units of the key to those of the axis."""
        return 100.0 if self.found.rule == "trained" else Metric(self.found.key).scale if self._is_of_key else 1.0

    @property
    def _is_of_key(self) -> bool:
        return not self.found.rule.endswith("slope")

    @property
    def unit(self) -> str:
        return "points" if self.scale != 1 else ""

    @property
    def ends(self) -> list[float]:
        """All that has to be on the axis, in its units."""
        numbers = [*(self.found.interval or ()), self.found.value]
        return [self.scale * each for each in numbers if each is not None and math.isfinite(each)]

    @property
    def tip(self) -> str:
        p = "" if self.found.p_holm is None else f" · p after Holm {p_value(self.found.p_holm)}"
        return f"{in_words(self.found)} · {self.found.outcome}{p}"


def verdict_figure(verdict: Verdict, name: str = "verdict") -> str:
    """SVG; empty if nothing is known, or a sentence says it all. `name`: that no other figure of the page has."""
    found = verdict.comparisons
    if all(each.outcome == "unknown" for each in found):
        return ""
    heading, labels = _labels(found)
    rows = [_Row(label, each) for label, each in zip(labels, found, strict=True)][:MOST]
    more = f"and {len(found) - MOST} more" if len(found) > MOST else ""
    if all(row.found.interval is None for row in rows):
        return _signs(name, rows, more) if len(rows) > 1 else ""
    return _forest(verdict, name, heading, rows, more)


def _forest(verdict: Verdict, name: str, heading: str, rows: Sequence[_Row], more: str) -> str:
    """A panel for each unit, as keys may differ in it."""
    units = list(dict.fromkeys(row.unit for row in rows))
    panels = [[row for row in rows if row.unit == unit] for unit in units]
    heights = [1.5 + len(panel) for panel in panels]
    height = 0.3 * sum(heights) + 0.5 * len(panels) + 0.25 * bool(heading) + 0.3 * bool(more)
    with Sketch(name, FIGURE_WIDTH, height) as sketch:
        axes = sketch.panels(len(panels), 1, height_ratios=heights)
        for ax, panel in zip(axes, panels, strict=True):
            _panel(sketch, ax, verdict, panel, more if panel is panels[-1] else "")
        axes[0].set_title(heading)
    return sketch.svg


def _panel(sketch: Sketch, ax: Axes, verdict: Verdict, rows: Sequence[_Row], more: str) -> None:
    margin = 0.0 if rows[0].found.rule == "trained" else rows[0].scale * verdict.claim.margin
    bound = _set_scale(ax, rows, margin)
    _set_rows(ax, rows, more, above=1.25 if margin else 0.6)
    if margin:
        ax.axvspan(-margin, margin, facecolor=GRID, alpha=0.75, linewidth=0)
        _say_what_is_shaded(ax, margin)
    ax.plot([0, 0], [-0.55, len(rows)], color=MUTED, linewidth=0.8, zorder=1)
    for y, row in enumerate(rows):
        colour, found = COLOURS[row.found.outcome], row.found
        if found.value is None:
            text = _shortened(f"not known: {found.reason}", 70)
            ax.text(0.5, y, text, transform=ax.get_yaxis_transform(), color=MUTED, ha="center", va="center", size=8)
            continue
        artists = []
        if found.interval is not None:
            low, high = (row.scale * end for end in found.interval)
            artists += ax.plot([low, high], [y, y], color=colour, linewidth=1.7)
        face = PAPER if found.outcome == "inconclusive" else colour
        style = {
            "marker": _MARKS[found.outcome],
            "markersize": 9 if found.outcome == "does not hold" else 7.5,
            "markeredgewidth": 1.5 if face == PAPER else 0,
        }
        artists += ax.plot(row.scale * found.value, y, color=colour, markerfacecolor=face, linestyle="none", **style)
        for artist in artists:
            sketch.mark(artist, None, row.tip)
    beyond = f"; logarithmic beyond {_plain(bound)}" if bound else ""
    ax.set_xlabel(_axis_label(verdict, rows) + beyond)


def _set_scale(ax: Axes, rows: Sequence[_Row], margin: float) -> float | None:
    """Linear; where the rows are of very different size logarithmic beyond the margin, or the number returned."""
    ends = [*(end for row in rows for end in row.ends), margin, -margin, 0.0]
    sizes = [max(map(abs, row.ends)) for row in rows if any(row.ends)]
    least, most = min(sizes, default=0.0), max(sizes, default=0.0)
    bound = None
    if most <= SPREAD * max(margin, least):
        space = 0.06 * ((max(ends) - min(ends)) or 1.0)
        low, high = min(ends) - space, max(ends) + space
        ticks = list(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
    else:
        bound = margin or least
        ax.set_xscale("symlog", linthresh=bound, linscale=max(0.6, math.log10(most / bound) / 8))
        low, high = 1.6 * min(min(ends), -bound), 1.6 * max(max(ends), bound)
        powers = range(math.ceil(math.log10(bound)), math.floor(math.log10(most)) + 1)
        sizes = [10.0**power for power in list(powers)[:: math.ceil(len(powers) / 6) or 1]]
        ticks = [*(-size for size in reversed(sizes)), 0.0, *sizes]
    ticks = [tick for tick in ticks if low <= tick <= high]
    ax.set_xticks(ticks, [_plain(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_xlim(low, high)
    return bound


def _set_rows(ax: Axes, rows: Sequence[_Row], more: str, above: float) -> None:
    labels = [row.label for row in rows] + ([more] if more else [])
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.45, -above)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.spines["left"].set_visible(False)


def _say_what_is_shaded(ax: Axes, margin: float) -> None:
    """Over the shaded region, or from its edge into the picture."""
    left, right = (
        float(ax.transAxes.inverted().transform(ax.transData.transform((x, 0)))[0]) for x in (-margin, margin)
    )
    middle = (left + right) / 2
    x, side = (left, "left") if middle < 0.2 else (right, "right") if middle > 0.8 else (middle, "center")
    text = "smaller than what matters"
    ax.text(x, -0.85, text, transform=ax.get_yaxis_transform(), color=MUTED, ha=side, va="center", size=8)


def _axis_label(verdict: Verdict, rows: Sequence[_Row]) -> str:
    claim, unit = verdict.claim, rows[0].unit
    keys = list(dict.fromkeys(row.found.key for row in rows))
    # A word that stands before a place has a comma, as in "activations, 8 layers".
    named = [word.rstrip(",") if (word := claim.call(key)) != key else Metric(key).name for key in keys]
    what = "difference" if claim.is_ == "equal" else "by how much the sentence is right"
    of = ", ".join(named[:2]) + ("" if len(named) <= 2 else f" and {len(named) - 2} more")
    of = "runs that trained" if claim.rule == "trained" else f"slope of {of}" if claim.rule.endswith("slope") else of
    return f"{what} ({', '.join(filter(None, [of, unit]))})"


def _signs(name: str, rows: Sequence[_Row], more: str) -> str:
    """Where nothing is estimated: a tick, a cross or an equals sign, and the values."""
    several = len({row.found.place for row in rows}) > 1
    with Sketch(name, FIGURE_WIDTH, 0.2 + 0.28 * (len(rows) + bool(more))) as sketch:
        (ax,) = sketch.panels()
        for y, row in enumerate(rows):
            colour = COLOURS[row.found.outcome]
            if row.found.outcome != "unknown":
                style = {"markersize": 8, "markeredgewidth": 2.2, "fillstyle": "none", "linestyle": "none"}
                (sign,) = ax.plot(0, y, color=colour, marker=_SIGNS[row.found.outcome], **style)
                sketch.mark(sign, None, row.tip)
            text = ax.text(
                0.25, y, _shortened(in_words(row.found, with_place=False), 100), va="center_baseline", color=INK
            )
            sketch.mark(text, None, row.tip)
        if more:
            ax.text(0.25, len(rows), more, va="center", color=MUTED)
        ax.set_yticks(range(len(rows)), [_shortened(row.found.place) if several else "" for row in rows])
        ax.set(xlim=(-0.2, 10), ylim=(len(rows) + bool(more) - 0.5, -0.5), xticks=[])
        ax.tick_params(length=0)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
    return sketch.svg


def _labels(found: Sequence[Comparison]) -> tuple[str, list[str]]:
    """What all rows share, for the heading; and what tells each from the others."""
    parts = [(each.place, each.arm, f"against {each.other}") for each in found]
    shared = [len(parts) > 1 and len(set(column)) == 1 for column in zip(*parts, strict=True)]
    if all(shared):
        return "", [_joined(row) for row in parts]
    own = [tuple("" if common else part for part, common in zip(row, shared, strict=True)) for row in parts]
    heading = tuple(part if common else "" for part, common in zip(parts[0], shared, strict=True))
    return _joined(heading), [_shortened(_joined(row)) for row in own]


def _joined(parts: Sequence[str]) -> str:
    """`22 layers: he against xavier`"""
    place, arm, other = parts
    arms = " ".join(filter(None, [arm, other]))
    return ": ".join(filter(None, [place, arms]))


def _plain(x: float) -> str:
    """0.5, 100, 1e7, 1e-5"""
    return f"{x:.3g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def _shortened(text: str, most: int = LONGEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
