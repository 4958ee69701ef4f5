"""How a signal grows or fades, per layer and over all: a number a run each, from the measured layers."""

import math
from collections.abc import Mapping

from cnnlab.diagnosis.logged_step import AGAIN


def gains(values: Mapping[str, float], when: str) -> dict[str, float]:
    """`signal/<what>_gain@<when>` and `signal/<what>_decades@<when>`, of the variance and the gradient, from
    `<what>/std/<layer>@<when>`.

    Geometric mean over a network's layers of the factor by which the variance of the pre-activations changes from
    one weight layer to the next, from the first to the last one before the logits; and of the factor by which that
    of the gradient changes from layer to layer in the other direction. 1 keeps the signal; 0: it is lost in rounding
    (statistics are float32); infinite: it overflows; NaN: none to begin with. Absent with fewer than two such layers.

    `decades`: the product of these factors, in powers of ten. A factor near 1 per layer may be a large one in all: 0.86
    in each of 29 layers leaves 1 %.
    """
    found = {}
    for what, key, backward in (("preactivation", "variance", False), ("gradient", "gradient", True)):
        stds = _by_depth(values, f"{what}/std/", f"@{when}")[:-1]  # without the logits, the last weight layer
        if len(stds) > 1:
            start, end = (stds[-1], stds[0]) if backward else (stds[0], stds[-1])
            steps = len(stds) - 1
            gain = found[f"signal/{key}_gain@{when}"] = _gain(start, end, steps)
            found[f"signal/{key}_decades@{when}"] = -math.inf if gain == 0 else steps * math.log10(gain)
    return found


def _by_depth(values: Mapping[str, float], prefix: str, suffix: str) -> list[float]:
    """Of each layer's first call, in order of definition, which is that of the names."""
    keys = [key for key in values if key.startswith(prefix) and key.endswith(suffix) and not AGAIN.search(key)]
    return [values[key] for key in sorted(keys)]


def _gain(start: float, end: float, steps: int) -> float:
    """The factors' product is the ratio of the variances at both ends, whatever is in between."""
    if start == 0 or not math.isfinite(start):
        return math.nan
    # The deviation of values that overflow is NaN: infinity minus an infinite mean.
    return (end / start) ** (2 / steps) if math.isfinite(end) else math.inf
