"""Folders as positional arguments beside Hydra's overrides."""

from collections.abc import Sequence
from pathlib import Path

# Hydra's flags whose value is the next argument.
_WITH_VALUE = ("--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd", "--package", "-p", "--info", "-i")
_WITH_VALUE += ("--experimental-rerun",)


def split_folders(arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The folders, and what is left for Hydra.

    A folder is an argument without "=" that is no flag, or one that names an existing folder, as run folders of sweeps
    contain "=".
    """
    folders, rest, is_value = [], [], False
    for argument in arguments:
        is_override = "=" in argument and not Path(argument).is_dir()
        if is_value or argument.startswith("-") or is_override:
            rest.append(argument)
        else:
            folders.append(Path(argument))
        is_value = not is_value and argument in _WITH_VALUE
    return folders, rest
