"""The learning rate of an optimizer that may have several: one for each of its groups of parameters."""

from collections.abc import Mapping
from typing import Any


def peak(group: Mapping[str, Any]) -> float:
    """The schedule's, which torch's schedulers store beside the current rate: a warm-up lowers the latter."""
    return float(group.get("max_lr", group.get("initial_lr", group["lr"])))


def rated(optimizer: Any) -> dict[str, Any]:
    """The group whose rate is the one that the optimizer was made with, as `optimizer.lr`, which by width or depth may
    be changed for others; where each has a rate of its own, the one with the largest."""
    given = getattr(optimizer, "defaults", {}).get("lr")
    return next((g for g in optimizer.param_groups if peak(g) == given), max(optimizer.param_groups, key=peak))
