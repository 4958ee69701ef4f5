"""Signal and gradient against depth, at initialization beside theory, and after training."""

import math
from collections.abc import Sequence
from itertools import chain

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cnnlab.claims.curves import Band, DepthProfile, depth_profile
from cnnlab.claims.groups import Group
from cnnlab.common.words import plural
from cnnlab.views.report.arm_legend import ArmLegend
from cnnlab.views.report.vector_page import WIDTH, Sketch, make_logarithmic

ROWS = {"activation": ("signal", "std of activations"), "gradient": ("gradient", "std of d loss / d pre-activation")}
BANDS = 3  # arms up to which theory's bands do not hide each other


def depth_figure(groups: Sequence[Group], legend: ArmLegend) -> tuple[str, str]:
    """SVG and a caption; empty if no layer was measured. One group a colour, the best, with runs that were measured."""
    shown = legend.representatives([group for group in groups if group.with_result])
    profiles = {what: [depth_profile(group.runs, what) for group in shown] for what in ROWS}
    if not any(profile.init or profile.end for those in profiles.values() for profile in those):
        return "", ""
    has_theory = any(profile.theory for those in profiles.values() for profile in those)
    with Sketch("depth", WIDTH, 5.6) as sketch:
        panels = iter(sketch.panels(2, 2, sharey="row"))
        for what, (title, unit) in ROWS.items():
            for part, when in (("init", "before the first step"), ("end", "after training")):
                ax = next(panels)
                for group, profile in zip(shown, profiles[what], strict=True):
                    _draw(sketch, ax, group, profile, part, legend, len(shown) <= BANDS)
                make_logarithmic(ax, "y")
                if part == "init":
                    ax.set_ylabel(unit)
                ax.set_title(f"{title}, {when}")
                ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
                if what == "gradient":
                    ax.set_xlabel("layer, in order of execution")
    return sketch.svg, _caption(shown, groups, profiles, has_theory)


def _caption(
    shown: Sequence[Group], groups: Sequence[Group], profiles: dict[str, list[DepthProfile]], has_theory: bool
) -> str:
    sentences = ["Dots: mean over the seeds, with a line from the lowest to the highest."]
    if has_theory:
        band = " and its band, which holds nearly every such network" if len(shown) <= BANDS else ""
        sentences.append(f"Dashed: what theory predicts{band}.")
    if len(shown) < len(groups):
        sentences.append(f"The best group of each colour: {'; '.join(group.name for group in shown)}.")
    zeros = [_zeros(group, those) for group, *those in zip(shown, *profiles.values(), strict=True)]
    if any(zeros):
        sentences += ["Triangles at the lower edge: exactly 0, as all values are equal.", *chain(*zeros)]
    return " ".join(sentences)


def _zeros(group: Group, profiles: Sequence[DepthProfile]) -> list[str]:
    """Sentences on what is zero, where a logarithmic axis has no place for it."""
    found = []
    for (what, _), profile in zip(ROWS.values(), profiles, strict=True):
        for band, when in ((profile.init, "before the first step"), (profile.end, "after training")):
            zeros = sum(value == 0 for value in band.mean)
            if zeros:
                layers = f"{zeros} of {plural(len(band.x), 'layer')}"
                found.append(f"{group.name}: the {what}'s deviation is 0 in {layers} {when}.")
    return found


def _draw(
    sketch: Sketch, ax: Axes, group: Group, profile: DepthProfile, part: str, legend: ArmLegend, bands: bool
) -> None:
    colour, arm = legend.colour(group), legend.index(group)
    if part == "init" and profile.theory:
        theory = _positive(profile.theory)
        if bands:
            area = ax.fill_between(theory.x, theory.low, theory.high, color=colour, alpha=0.1, linewidth=0)
            sketch.mark(area, arm)
        (line,) = ax.plot(theory.x, theory.mean, color=colour, linestyle=(0, (4, 2)), linewidth=1.2)
        sketch.mark(line, arm, f"{group.name}: theory")
    found = profile.init if part == "init" else profile.end
    measured = _positive(found)
    if not measured:
        return
    for x in (x for x, mean in zip(found.x, found.mean, strict=True) if mean == 0):
        style = {"marker": "v", "markersize": 4, "fillstyle": "none", "markeredgewidth": 1}
        (edge,) = ax.plot(x, 0.02, color=colour, transform=ax.get_xaxis_transform(), **style)
        sketch.mark(edge, arm, f"{group.name} · {int(x)} {profile.layers.get(int(x), '')} · exactly 0")
    if part == "end":
        sketch.mark(ax.plot(measured.x, measured.mean, color=colour, linewidth=1.2)[0], arm, group.name)
    for x, mean, low, high in zip(measured.x, measured.mean, measured.low, measured.high, strict=True):
        if math.isnan(mean):
            continue
        (bar,) = ax.plot([x, x], [low, high], color=colour, linewidth=1, alpha=0.6)
        (dot,) = ax.plot(x, mean, color=colour, marker="o", markersize=4, markeredgewidth=0)
        name = profile.layers.get(int(x), "")
        for artist in (bar, dot):
            sketch.mark(artist, arm, f"{group.name} · {int(x)} {name} · {mean:.3g} ({low:.3g} to {high:.3g})")


def _positive(band: Band) -> Band:
    """NaN, which is not drawn, where a logarithmic axis has no place."""

    def kept(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(value if value > 0 else math.nan for value in values)

    return Band(band.x, kept(band.mean), kept(band.low), kept(band.high))
