"""Which jobs a sweep has: comma lists, named arms, and a grid to tune each arm on, as lists of overrides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from math import prod
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser

from cnnlab.cli.overrides import parse
from cnnlab.common.errors import InputError
from cnnlab.common.words import shown

MOST = 10_000  # runs of a sweep; with more, somebody forgot the step of a range
TUNE, MEASURE = "tune", "measure"
SEED = "seed"
Setting = Mapping[str, str]  # key: value as text


@dataclass(frozen=True)
class PlannedJob:
    """`labels`: its point in the design, the value of each axis. `overrides`: all, with the seed where it is swept.

    `setting`: in the tuning stage, the point of the grid that it tries.
    """

    stage: str
    labels: Setting
    overrides: Setting
    setting: Setting = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """`axes`: the swept keys but the seed, in the order typed, first `arm` where arms are named."""

    axes: tuple[str, ...]
    arms: Mapping[str, tuple[str, ...]]
    grid: Mapping[str, tuple[str, ...]]
    tune_seeds: tuple[str, ...]
    tuning: tuple[PlannedJob, ...]
    measuring: tuple[PlannedJob, ...]


def make_plan(
    parser: OverridesParser,
    arguments: Sequence[str],
    arms: Mapping[str, Sequence[str]] | None,
    tune: Mapping[str, Any] | None,
    params: Mapping[str, Any] | None,
) -> Plan:
    """The jobs of the overrides `arguments`, which take precedence over `params`; raises InputError.

    `arms`: lists of overrides that belong together, by name. `tune`: the grid, and `seed`, the seeds it is tried with.
    """
    _check_kinds(arms, tune, params)
    arms = {str(name): lines for name, lines in (arms or {}).items()}
    values = _values(parser, [*(f"{key}={_text(value)}" for key, value in (params or {}).items()), *arguments])
    sets = {name: _single(parser, name, lines) for name, lines in arms.items()}
    grid = _values(parser, [f"{key}={_text(value)}" for key, value in _flat(tune or {}).items()])
    tune_seeds = grid.pop(SEED, ())
    axes = tuple(key for key, found in values.items() if len(found) > 1 and key != SEED)
    _check_arms(sets, values)
    _check_tuning(grid, tune_seeds, values, sets)

    _check_number(values, grid, len(tune_seeds), max(1, len(sets)))

    designs = list(_designs(values, sets, axes))
    tuning = [
        PlannedJob(TUNE, labels, {**overrides, **setting, SEED: seed}, setting)
        for labels, overrides in designs
        for setting in (points(grid) if grid else ())
        for seed in tune_seeds
    ]
    # Seed by seed, so that what changes in the machine meanwhile is no difference between arms.
    own = [{SEED: seed} for seed in values.get(SEED, ())] or [{}]
    measuring = [PlannedJob(MEASURE, labels, {**overrides, **seed}) for seed in own for labels, overrides in designs]
    arms_as_typed = {name: tuple(lines) for name, lines in arms.items()}
    return Plan((*(["arm"] if sets else []), *axes), arms_as_typed, grid, tune_seeds, tuple(tuning), tuple(measuring))


def points(grid: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Every combination of the values, the last key fastest."""
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def _designs(
    values: Mapping[str, Sequence[str]], sets: Mapping[str, Setting], axes: Sequence[str]
) -> Iterable[tuple[dict[str, str], dict[str, str]]]:
    """(labels, overrides) of every arm at every point of the grid of comma lists."""
    for name, own in sets.items() or [("", {})]:
        for point in points({key: found for key, found in values.items() if key != SEED}):
            labels = ({"arm": name} if sets else {}) | {key: point[key] for key in axes}
            yield labels, {**point, **own}


def _values(parser: OverridesParser, lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Key -> values, one of each where nothing is swept; a later line replaces an earlier one of the same key."""
    found: dict[str, tuple[str, ...]] = {}
    for override in parse(parser, lines):
        key = override.get_key_element()
        if override.is_sweep_override() and not override.is_discrete_sweep():
            raise InputError(
                f"{override.input_line}: an interval has no list of values to try.\n"
                f"Write the values, e.g. {key}=0.01,0.03,0.1, or choose a sweeper that draws them (hydra/sweeper=...)."
            )
        texts = (
            override.sweep_string_iterator() if override.is_sweep_override() else [override.get_value_element_as_str()]
        )
        found[key] = tuple(dict.fromkeys(islice(texts, MOST + 1)))
    return found


def _check_number(
    values: Mapping[str, Sequence[str]], grid: Mapping[str, Sequence[str]], tune_seeds: int, arms: int
) -> None:
    """Before they are listed, which would take all memory."""
    designs = arms * prod(len(found) for key, found in values.items() if key != SEED)
    if designs * (len(values.get(SEED, "1")) + tune_seeds * prod(map(len, grid.values()))) > MOST:
        several = [key for key, found in [*values.items(), *grid.items()] if len(found) > 1]
        raise InputError(
            f"{', '.join(several)}: together more than {MOST:,} runs.\n"
            "Give fewer values; of range(start,stop,step) the step is 1 if it is left out. Or sweep in several folders."
        )


def _single(parser: OverridesParser, name: str, lines: Sequence[str]) -> dict[str, str]:
    """The overrides of one arm, each with a single value."""
    swept = next((o for o in parse(parser, lines) if o.is_sweep_override()), None)
    if swept is not None:
        raise InputError(
            f"hydra.sweeper.arms.{name}: {swept.input_line} has several values; an arm is one design.\n"
            f"Write one arm for each, or sweep {swept.get_key_element()} beside the arms."
        )
    return {key: value for key, (value,) in _values(parser, lines).items()}


def _check_kinds(arms: Any, tune: Any, params: Any) -> None:
    for name, value in (("arms", arms), ("tune", tune), ("params", params)):
        if value is not None and not isinstance(value, Mapping):
            raise InputError(
                f"hydra.sweeper.{name}={shown(value)} is not allowed.\n"
                "Allowed: a mapping, as in configs/hydra/sweeper/lab.yaml."
            )
    for name, lines in (arms or {}).items():
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise InputError(
                f"hydra.sweeper.arms.{name}={shown(lines)} is not allowed.\n"
                f'Allowed: a list of overrides, as {name}: ["init=he", "model=plain"]'
            )


def _check_arms(sets: Mapping[str, Setting], values: Mapping[str, Sequence[str]]) -> None:
    for name, own in sets.items():
        both = next((key for key in own if key in values), None)
        if both is not None:
            raise InputError(
                f"{both}={','.join(values[both])} is given, and the arm '{name}' sets {both}={own[both]}.\n"
                "Give it in one place: for every arm, or beside them."
            )


def _check_tuning(
    grid: Mapping[str, Sequence[str]],
    seeds: Sequence[str],
    values: Mapping[str, Sequence[str]],
    sets: Mapping[str, Setting],
) -> None:
    for key in grid:
        if key in values or any(key in own for own in sets.values()):
            raise InputError(
                f"{key} is set, and hydra.sweeper.tune looks for the best {key} of {','.join(grid[key])}.\n"
                "Leave out one of them; hydra.sweeper.tune=null switches tuning off."
            )
    if (seeds and not grid) or (grid and not seeds):
        raise InputError(
            "hydra.sweeper.tune needs values to try and seeds of its own to try them with, e.g.\n"
            '  \'hydra.sweeper.tune={optimizer.lr: "0.01,0.03,0.1", seed: "100,101"}\''
        )
    both = set(seeds) & set(values.get(SEED, ("0",)) if grid else ())
    if both:
        raise InputError(
            f"seed={min(both)} both tunes and measures: a setting chosen on a seed looks too good on that seed.\n"
            "Give hydra.sweeper.tune.seed others, e.g. 100,101."
        )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"optimizer": {"lr": x}} as {"optimizer.lr": x}: the command line can write either."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _text(value: Any) -> str:
    """A value of a YAML as an override: lists are values to sweep, as in `seed: [0, 1, 2]`; each may be a list."""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return ",".join(f"[{_text(each)}]" if isinstance(each, list) else _text(each) for each in value)
    return "null" if value is None else str(value)
