"""Reads overrides by Hydra's grammar, and says how to write what it cannot read."""

import os
import re
import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import NoReturn

from hydra._internal.utils import get_args_parser
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


def flags(arguments: Sequence[str]) -> Namespace:
    """Hydra's flags, and the overrides. Raises InputError."""
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        word = message.removeprefix("unrecognized arguments: ").split()[0]
        if word.startswith("-"):
            setting = word.lstrip("-") if "=" in word else "seed=1"
            message = f"{word} is no flag. Settings are typed without dashes, as in {setting}"
        raise InputError(f"{message}.\n--help tells the settings and the flags.")

    parser.error = refuse  # type: ignore[method-assign]
    return parser.parse_args(list(arguments))


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
    """Names the first override that Hydra's grammar cannot read, and how to type it."""
    at = next((at for at, line in enumerate(lines) if _read(line) is None), None)
    if at is None:
        return None
    line = lines[at]
    key, equals, value = line.partition("=")
    together = (" ".join(lines[at:end]) for end in range(at + 2, len(lines) + 1))
    if equals and (meant := next((text for text in together if _read(text) is not None), None)):
        return f"Cannot read '{line}': the shell splits at spaces. Leave them out, or quote:\n  {shlex.quote(meant)}"
    # The shell leaves ~ as it is behind a =, and a folder of that name is never meant.
    quoted = as_text(key, os.path.expanduser(value))
    if not equals or _read(quoted) is None:
        return f"Cannot read '{line}'. Write key=value without spaces, e.g. seed=1."
    lists = "Values are separated by single commas, and a list is [8,16].\n" if re.search(r"^[\[{(]|,$", value) else ""
    if re.match(r"[\[{].*=", value):
        lists = 'In a list, what has a = is quoted: ["init=he"].\n'
    return (
        f"Cannot read '{line}'.\n{lists}"
        "If the value is a text, such as a folder's name with spaces, brackets or other alphabets, quote it twice:\n"
        f"  {shlex.quote(quoted)}"
    )


def _read(line: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(line)
    except HydraException:
        return None
