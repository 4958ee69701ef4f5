"""Folders on the command line: beside Hydra's overrides, and as where something is to be written."""

from collections.abc import Sequence
from pathlib import Path

from cnnlab.common.errors import InputError

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


def check_can_be_made(folder: Path, setting: str) -> None:
    """InputError unless the folder can be made, or is there; makes it for a moment, since nothing else can tell."""
    made: list[Path] = []
    try:
        for part in reversed([folder, *folder.parents]):
            if part.exists() and not part.is_dir():
                raise NotADirectoryError(0, f"{part} is a file")
            if not part.exists():
                part.mkdir()
                made.append(part)
    except OSError as error:
        raise InputError(
            f"{setting}={_shortened(folder)} cannot be made: {error.strerror or error}.\nGive another folder."
        ) from error
    finally:
        for part in reversed(made):
            part.rmdir()


def _shortened(folder: Path) -> str:
    text = str(folder)
    return text if len(text) <= 100 else f"{text[:97]}..."
