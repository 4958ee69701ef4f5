"""The learning rate of an optimizer that may have several: one for each of its groups of parameters."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary


def peak(group: Mapping[str, Any]) -> float:
    """The schedule's, which torch's schedulers store beside the current rate: a warm-up lowers the latter."""
    return float(group.get("max_lr", group.get("initial_lr", group["lr"])))


def note_peaks(scheduler: Any) -> None:
    """For `peak`: torch's CyclicLR, alone or among others that take turns, keeps its highest rates to itself, and has
    its lowest for those that the optimizer was made with. What an earlier schedule came to does not count."""
    groups, parts = scheduler.optimizer.param_groups, _parts(scheduler)
    if not any(hasattr(part, "max_lrs") for part in parts):
        return
    rates = [found for part in parts for name in ("max_lrs", "base_lrs") if len(found := getattr(part, name, ()))]
    if any(type(part).__name__ == "OneCycleLR" for part in parts):  # which wrote its own when it was made
        rates.append([group["max_lr"] for group in groups])
    for group, *each in zip(groups, *rates, strict=False):
        group["max_lr"] = max(map(float, each))


def _parts(scheduler: Any) -> list[Any]:
    """It, and those that it is made of."""
    return [scheduler, *(part for own in getattr(scheduler, "_schedulers", ()) for part in _parts(own))]


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
