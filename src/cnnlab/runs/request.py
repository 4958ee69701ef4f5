"""What the user requested for a run, by name; read once at the entry point and passed on as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DESIGN = ("model", "init", "dataset")  # the choices that name a run


@dataclass(frozen=True)
class Request:
    """Empty for a run started from plain Python.

    `choices`: selected option per config group, {"model": "stacked3x3"}. `typed`: command-line overrides. `swept`: in
    a sweep, the overrides that distinguish its runs. `config`: the resolved settings, nested. `lines`: the overrides
    as they were given, `config_dir`: the folder of one's own configs, `cwd`: where it was typed, to compose it once
    more.
    """

    choices: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    swept: Sequence[str] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[str] = ()
    config_dir: str | None = None
    cwd: str | None = None

    def with_changes(self, changes: Mapping[str, str | None]) -> list[str]:
        """The lines with these settings in place of theirs; None leaves one out. The choice of another config, as
        `optimizer`, takes along the settings that were typed for the one before."""
        chosen = tuple(f"{key}." for key, value in changes.items() if value is not None and key in self.choices)
        kept = [line for line in self.lines if (key := _key(line)) not in changes and not key.startswith(chosen)]
        return [*kept, *(f"{key}={value}" for key, value in changes.items() if value is not None)]


def _key(line: str) -> str:
    return line.lstrip("+").partition("=")[0]
