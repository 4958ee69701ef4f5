"""Charts against depth in TensorBoard: their tags, what these say, and logarithms that also show zeros. Needs no torch.

TensorBoard calls the horizontal axis "Step", whatever it is, so the tag's section says that it is the layer, and the
description, which its SCALARS tab shows, the rest.
"""

import math
from collections.abc import Mapping

from cnnlab.diagnosis.logged_step import AGAIN

# Of a standard deviation that is 0. The smallest that float32 can tell from 0 is 4e-23, since squares are summed.
FLOOR = -25.0
# CUSTOM SCALARS takes a tag for a regular expression: no parentheses.
SECTION, LOGARITHMIC = "by_depth, Step = layer", f"by_depth log10, Step = layer, 0 drawn at {FLOOR:g}"
LOG10 = "_log10"
# Exponential decay or growth with depth is a straight line here; a TensorBoard link cannot request a log axis.
HAS_LOG10 = {("activation", "std"), ("gradient", "std")}
OUTLIERS = (
    'The chart leaves out the highest and the lowest 5 % of the points: untick "Ignore outliers in chart scaling" to '
    "see all."
)


def tag(name: str) -> str:
    """Of a chart called `<what>_<statistic>@<when>`, or `<what>_<statistic>_log10@<when>`."""
    return f"{LOGARITHMIC if LOG10 in name else SECTION}/{name}"


def description(name: str) -> str:
    """Of the same chart, for its information button."""
    axis = "Step is the number of the layer, in order of execution."
    zero = f" A layer with exactly 0 is drawn at {FLOOR:g}, one that is not finite as a triangle." * (LOG10 in name)
    return f"{axis}{zero} {OUTLIERS}"


def log10(value: float) -> float:
    """FLOOR for 0, NaN for what is not finite, which TensorBoard draws as a triangle."""
    if value == 0:
        return FLOOR
    return math.log10(value) if 0 < value < math.inf else math.nan


def charts(layers: Mapping[str, float], when: str, part: str = "") -> dict[str, dict[str, float]]:
    """{`<what>/<statistic>/<layer>`: value} as {`<what>_<statistic><part>@<when>`: {layer: value}}, and its logarithm
    where it has one and `part` is no band's end.

    A layer has one position on the axis, which is its first call's.
    """
    found: dict[str, dict[str, float]] = {}
    for key, value in layers.items():
        what, statistic, layer = key.split("/")
        if not AGAIN.search(layer):
            found.setdefault(f"{what}_{statistic}{part}@{when}", {})[layer] = value
            if (what, statistic) in HAS_LOG10 and not part:
                found.setdefault(f"{what}_{statistic}{LOG10}@{when}", {})[layer] = log10(value)
    return found


def points(values: Mapping[str, float]) -> list[tuple[int, float]]:
    """{layer's name: value} by the number that the name begins with, ascending, as Margin charts need it."""
    return sorted((int(layer.split("_", 1)[0]), value) for layer, value in values.items())
