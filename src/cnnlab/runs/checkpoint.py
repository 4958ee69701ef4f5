"""Checkpoints of plain types and tensors only, so that `torch.load` works with weights_only=True."""

import os
from pathlib import Path
from typing import Any

import torch

from cnnlab.common.errors import InputError


def save(path: Path, state: dict[str, Any]) -> None:
    """Write atomically: a reader sees the old file or the new one, never a partial one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def load(path: Path) -> dict[str, Any]:
    """The state that `save` wrote, on the CPU. Raises InputError."""
    if not path.is_file():
        there = sorted(p.stem for p in path.parent.glob("*.pt"))
        hint = "The run has not finished an epoch, or this is not a run folder."
        if there:
            hint = f"There are: {', '.join(there)}."
        raise InputError(f"No checkpoint {path}.\n{hint}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling arbitrary bytes can raise anything
        raise InputError(
            f"{path} cannot be read ({type(error).__name__}): it is damaged, or not a cnnlab checkpoint.\n"
            "Give another run, or train this one again."
        ) from error
