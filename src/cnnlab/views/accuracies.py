"""What an accuracy is worth: of how many images it is, and Wilson's interval."""

import math
from statistics import NormalDist

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
    """Wilson's 95 % interval (Wilson 1927) where `share` of `images` are right; None without images, and for NaN.

    Written out: statsmodels, which the report takes it from, takes half a second to import at the end of every run.
    """
    if not images or not math.isfinite(share):
        return None
    right, z = round(share * images) / images, NormalDist().inv_cdf((1 + LEVEL) / 2)
    centre = right + z**2 / (2 * images)
    reach = z * math.sqrt(right * (1 - right) / images + (z / (2 * images)) ** 2)
    ends = ((centre + sign * reach) / (1 + z**2 / images) for sign in (-1, 1))
    low, high = (min(max(end, 0.0), 1.0) for end in ends)  # rounding leaves -1e-17
    return low, high
