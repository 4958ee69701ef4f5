"""What an accuracy is worth: of how many images it is, and Wilson's interval."""

import math
from typing import Any

LEVEL = 0.95


def of_images(share: float, images: int, kind: str = "images") -> str:
    """To follow an accuracy: ` of 359 test images, 95 % interval 96.41 to 99.23`; "" where there is no interval."""
    ends = interval(share, images)
    if ends is None:
        return ""
    return f" of {images:,} {kind}, {100 * LEVEL:.0f} % interval {between(ends)}"


def between(ends: tuple[float, float]) -> str:
    """`96.41 to 99.23`, in percent."""
    return " to ".join(f"{100 * end:.2f}" for end in ends)


def interval(share: float, images: int) -> tuple[float, float] | None:
    """Wilson's 95 % interval (Wilson 1927) where `share` of `images` are right; None without images, and for NaN."""
    if not images or not math.isfinite(share):
        return None
    # Imported here, since a run says this last; statsmodels, which the report has, loads pandas as well: 0.4 s, 30 MB.
    from scipy.stats import binomtest

    ends: Any = binomtest(round(share * images), images).proportion_ci(LEVEL, method="wilson")
    return max(float(ends.low), 0.0), min(float(ends.high), 1.0)  # rounding leaves -1e-17
