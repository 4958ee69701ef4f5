"""One kind of fault: how it is put into a base, and which causes a good engineer would accept for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diagnosis_parts.bases import Base

GROUPS = ("model", "init", "dataset", "optimizer", "scheduler", "augmentation", "evaluation", "telemetry", "trainer")


@dataclass(frozen=True)
class Fault:
    """`overrides`: typed after those of a base; a value `*30` is 30 times the base's. `where`: the kinds of bases in
    which it makes sense (`which` of bases.py). `causes`: acceptable ones, written down before anything ran.
    `reachable`: whether an override can undo it; False if it sits in Python code or in the data."""

    family: str
    name: str
    overrides: tuple[str, ...]
    causes: tuple[str, ...]
    where: str
    reachable: bool = True


def typed(base: Base, folders: dict[str, str], fault: Fault | None, *more: str) -> list[str]:
    """The overrides of one run, each setting once."""
    own = base.overrides(folders)
    if fault is None:
        return last_wins(own, more)
    return last_wins(own, [part for line in fault.overrides for part in _for_base(base, line)], more)


def _for_base(base: Base, override: str) -> list[str]:
    """`dataset.fault` and `model.fault` choose the config that has such a setting."""
    key, _, value = override.partition("=")
    if value.startswith("*"):
        if key != "optimizer.lr":
            raise ValueError(f"{override}: only the learning rate is known of each base")
        return [f"{key}={base.lr * float(value[1:]):g}"]
    if key == "dataset.fault":
        return ["dataset=faulty", override]
    if key == "model.fault":
        return ["model=faulty_residual" if "model=residual" in base.model else "model=faulty", override]
    return [override]


def last_wins(*layers: Iterable[str]) -> list[str]:
    """One after the other; what is typed later replaces the same setting, and the choice of a config the settings of
    the one before, as whoever types it would. The faulty variant of a model or data set keeps its settings."""
    found: dict[str, str] = {}
    for override in (o for layer in layers for o in layer):
        key, _, value = override.partition("=")
        if key in GROUPS and found.get(key) != override and not value.startswith("faulty"):
            found = {k: o for k, o in found.items() if not k.startswith(f"{key}.")}
        found[key] = override
    return sorted(found.values(), key=_choices_first)


def _choices_first(override: str) -> tuple[int, str]:
    return override.partition("=")[0] not in GROUPS, ""


def kinds(family: str, rows: Sequence[tuple]) -> list[Fault]:
    """Faults from rows of (name, overrides, causes, where, reachable); the words of one string are several."""
    return [
        Fault(family, name, tuple(overrides.split()), tuple(causes.split()), where, reachable)
        for name, overrides, causes, where, reachable in rows
    ]
