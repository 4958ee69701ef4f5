"""Checkpoints of plain types and tensors only, so that `torch.load` works with weights_only=True."""

import os
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch

from cnnlab.common.errors import InputError

FORMAT = 2  # 1 had no `resume`


def save(path: Path, state: dict[str, Any]) -> None:
    """Write atomically: a reader sees the old file or the new one, never a partial one, also after a power failure.

    numpy's numbers and texts, of which a learning rate or a mean may be one, become Python's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            _write({"format": FORMAT, **_plain(state)}, file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    os.replace(part, path)
    sync_folder(path.parent)


def foreign(path: Path) -> list[str]:
    """The types in it that are not plain, so that `load` refuses it."""
    return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, OrderedDict):  # of a network, which holds more than its items
        return value
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


def _write(state: dict[str, Any], file: BinaryIO) -> None:
    """torch covers an OSError, as of a full disk, by a RuntimeError of its own that says nothing of it."""
    try:
        torch.save(state, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def sync_folder(folder: Path) -> None:
    """Make a file's new name as durable as its content; not every system has folders that can be opened."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def load(path: Path) -> dict[str, Any]:
    """The state that `save` wrote, on the CPU. Raises InputError."""
    if not path.is_file():
        there = sorted(p.stem for p in path.parent.glob("*.pt"))
        hint = "The run has not finished an epoch, or this is not a run folder."
        if there:
            hint = f"There are: {', '.join(there)}."
        raise InputError(f"No checkpoint {path}.\n{hint}")
    try:
        _check_sums(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling arbitrary bytes can raise anything
        raise InputError(
            f"{path} cannot be read ({type(error).__name__}): it is damaged, or not a cnnlab checkpoint.\n"
            "Give another run, or train this one again."
        ) from error
    if not isinstance(state, Mapping):
        raise InputError(f"{path} holds a {type(state).__name__}, and is not a cnnlab checkpoint.\nGive another run.")
    if state.get("format", 1) > FORMAT:
        raise InputError(
            f"{path} has format {state['format']}, and this cnnlab knows up to {FORMAT}: a newer one wrote it.\n"
            "Update cnnlab: pip install --upgrade cnnlab"
        )
    return dict(state)


def _check_sums(path: Path) -> None:
    """torch writes a checksum of every part into the file, a ZIP archive, and does not read it."""
    with ZipFile(path) as archive:
        broken = archive.testzip()
    if broken is not None:
        raise BadZipFile(f"the checksum of {broken} is wrong")
