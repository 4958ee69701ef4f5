"""Checkpoints: plain types and tensors only, so that `torch.load` reads them without running code."""

import os
from pathlib import Path
from typing import Any

import torch

from cnnlab.common.errors import InputError


def save(path: Path, state: dict[str, Any]) -> None:
    """Write beside and rename: a reader sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def load(path: Path) -> dict[str, Any]:
    """What `save` wrote, on the CPU."""
    if not path.is_file():
        there = sorted(p.stem for p in path.parent.glob("*.pt"))
        raise InputError(
            f"No checkpoint {path}.\n"
            + (
                f"There are: {', '.join(there)}."
                if there
                else "The run has not finished an epoch, or is no run folder."
            )
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler that meets other bytes may raise any
        raise InputError(
            f"{path} cannot be read ({type(error).__name__}): it is damaged, or no checkpoint of cnnlab's.\n"
            "Give another run, or train this one again."
        ) from error
