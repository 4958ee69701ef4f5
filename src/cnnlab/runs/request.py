"""What a person asked a run for, by name; read once at the door and handed in as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """Empty for a run that plain Python started.

    `choices`: what was chosen of each config group, {"model": "stacked3x3"}. `typed`: overrides of the command line.
    `swept`: in a sweep those of them that tell its runs apart. `config`: the resolved settings, nested.
    """

    choices: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    swept: Sequence[str] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
