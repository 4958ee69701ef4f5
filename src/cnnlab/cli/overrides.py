"""Reads overrides by Hydra's grammar, and says how to write what it cannot read."""

import os
import re
import shlex
from collections.abc import Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from cnnlab.common.errors import InputError


def parser_of(loader: ConfigLoader) -> OverridesParser:
    """A parser that can also list the choices of a group, for glob(...)."""
    return OverridesParser.create(config_loader=loader)


def parse(parser: OverridesParser, lines: Sequence[str]) -> list[Override]:
    """Raises InputError."""
    try:
        return parser.parse_overrides(list(lines))
    except HydraException as error:
        raise InputError(_unreadable(lines) or str(error).splitlines()[0]) from error


def as_text(key: str, value: str) -> str:
    """The override that gives `key` exactly this text, whatever its characters mean in Hydra's grammar."""
    escaped = re.sub(r'(\\*)("|$)', lambda found: found[1] * 2 + ("\\" + found[2] if found[2] else ""), value)
    return f'{key}="{escaped}"'


def quoted_paths(arguments: Sequence[str]) -> list[str]:
    """The arguments, with what Hydra cannot read as text where it is there as a file or folder: the name of a run's
    folder has the `=` of the settings that were typed."""
    found = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        meant = equals and not key.startswith("-") and os.path.exists(value) and _read(argument) is None
        found.append(as_text(key, value) if meant else argument)
    return found


def parsed_or_none(argument: str) -> Override | None:
    """None for flags and their values, and for what is reported elsewhere."""
    return _read(argument) if "=" in argument[1:] else None


def key_of(argument: str) -> str:
    """The key, also of what Hydra cannot read, such as a folder's name with `=`; the argument itself for a flag."""
    override = parsed_or_none(argument)
    return argument.partition("=")[0] if override is None else override.key_or_group


def text_of(argument: str) -> str:
    """The value as it was typed, without quotes; empty for null."""
    value = argument.partition("=")[2].strip("'\"")
    return "" if value == "null" else value


def _unreadable(lines: Sequence[str]) -> str | None:
    """Names the first override that Hydra's grammar cannot read, and how to type its value as text."""
    line = next((line for line in lines if _read(line) is None), None)
    if line is None:
        return None
    key, equals, value = line.partition("=")
    quoted = as_text(key, value)
    if not equals or _read(quoted) is None:
        return f"Cannot read '{line}'. Write key=value, e.g. seed=1."
    return (
        f"Cannot read '{line}'.\n"
        "If the value is a text, such as a folder's name with spaces, brackets or other alphabets, quote it twice:\n"
        f"  {shlex.quote(quoted)}"
    )


def _read(line: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(line)
    except HydraException:
        return None
