"""By what runs are grouped where no sweep.json says it: the choices and settings in which they differ, but the seed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cnnlab.claims.run_record import RunRecord
from cnnlab.common.words import shown

NONE = "-"  # the value of a setting that a run does not have
# These say where a run's files lie, how it is watched and what it is to decide, not what it computes.
_NO_DESIGN = ("seed", "dataset.root", "telemetry", "hydra", "claim")


def differing(runs: Sequence[RunRecord]) -> dict[str, list[str]]:
    """{setting: its value in each run, as text}, of those that differ.

    Settings that follow from a differing choice are left out: where `model` differs, `model.kernel_size` is listed only
    if it also differs between runs of one model, or if somebody typed it.
    """
    settings, typed = [settings_of(run) for run in runs], {key for run in runs for key in _typed(run)}
    names = list(dict.fromkeys(name for each in settings for name in each))
    columns = {name: [each.get(name, NONE) for each in settings] for name in names if not is_aside(name)}
    columns = {name: values for name, values in columns.items() if len(set(values)) > 1}
    all_known = all(run.status.get("overrides") is not None or run.overrides is not None for run in runs)
    kept: dict[str, list[str]] = {}
    for name, values in columns.items():
        section = name.split(".")[0]
        follows = name != section and section in columns and is_function(values, [columns[section]])
        if "." not in name or name in typed or not (follows or all_known):
            kept[name] = values
    return kept


def is_function(values: Sequence[str], of: Sequence[Sequence[str]]) -> bool:
    """Whether equal values in all columns of `of` always come with equal `values`."""
    seen: dict[tuple[str, ...], str] = {}
    keys = list(zip(*of, strict=True)) if of else [()] * len(values)
    return all(seen.setdefault(key, value) == value for key, value in zip(keys, values, strict=True))


def short_names(labels: Sequence[Mapping[str, str]]) -> list[str]:
    """A name for each combination of labels: `he, lr=0.1`; `init=he, optimizer.lr=0.1` where the short ones collide."""
    if labels and not labels[0]:
        return ["all runs"] * len(labels)
    values = {axis: [each[axis] for each in labels] for axis in (labels[0] if labels else ())}
    short = [", ".join(short_name(axis, value, values[axis]) for axis, value in each.items()) for each in labels]
    if len(set(short)) == len({tuple(each.items()) for each in labels}):
        return short
    return [", ".join(f"{axis}={value}" for axis, value in each.items()) for each in labels]


def short_name(axis: str, value: str, among: Sequence[str] = ()) -> str:
    """The value itself where it is a word, as all of the axis' values `among` which it is; else `lr=0.1`."""
    return value if all(map(_is_word, (value, *among))) else f"{axis.rpartition('.')[2]}={value}"


def _is_word(value: str) -> bool:
    return value[:1].isalpha() and value not in ("true", "false", "null", "none", "nan", "inf")


def as_number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def in_order(values: Sequence[str]) -> list[str]:
    """Each once: numbers by size, words as they come."""
    distinct = list(dict.fromkeys(values))
    numbers = [as_number(value) for value in distinct]
    if any(number is None or number != number for number in numbers):
        return distinct
    return [value for _, value in sorted(zip(numbers, distinct, strict=True), key=lambda pair: pair[0] or 0.0)]


def settings_of(run: RunRecord) -> dict[str, str]:
    """{group or setting: choice or value as text}"""
    choices = run.status.get("choices") or {}
    found = {key: str(value) for key, value in choices.items() if value is not None and not key.startswith("hydra")}
    for key, value in _flat(run.config):
        section, _, setting = key.partition(".")
        if setting == "_target_":
            found.setdefault(section, str(value).rpartition(".")[2])
        elif not setting.startswith("_"):
            found[key] = shown(value)
    return found


def _typed(run: RunRecord) -> list[str]:
    return [override.lstrip("+~").partition("=")[0] for override in run.overrides or ()]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def is_aside(name: str) -> bool:
    """Of a setting that changes nothing that is computed, or of the seed."""
    return name.split(".")[0] in _NO_DESIGN or name in _NO_DESIGN
