"""The learning rate of an optimizer that may have several: one for each of its groups of parameters."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary


def peak(group: Mapping[str, Any]) -> float:
    """The schedule's, which torch's schedulers store beside the current rate: a warm-up lowers the latter."""
    return float(group.get("max_lr", group.get("initial_lr", group["lr"])))


def note_peaks(scheduler: Any) -> None:
    """For `peak`: torch's CyclicLR, alone or among others that take turns, keeps its highest rates to itself, and has
    its lowest for those that the optimizer was made with."""
    for part in getattr(scheduler, "_schedulers", ()):
        note_peaks(part)
    for group, highest in zip(scheduler.optimizer.param_groups, getattr(scheduler, "max_lrs", ()), strict=False):
        group.setdefault("max_lr", max(peak(group), float(highest)))


_RATED: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


def rated(optimizer: Any) -> dict[str, Any]:
    """The group whose rate is the one that the optimizer was made with, as `optimizer.lr`, which by width or depth may
    be changed for others; where each has a rate of its own, the one with the largest. As it was when first asked for:
    some schedules leave no trace of where the rates began."""
    groups = optimizer.param_groups
    if _RATED.get(optimizer, len(groups)) >= len(groups):
        given, peaks = getattr(optimizer, "defaults", {}).get("lr"), [peak(group) for group in groups]
        _RATED[optimizer] = peaks.index(given if given in peaks else max(peaks))
    return groups[_RATED[optimizer]]
