"""Checkpoints: plain types and tensors only, so that `torch.load` reads them without running code."""

import os
from pathlib import Path
from typing import Any

import torch

from cnnlab.errors import InputError


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
    return torch.load(path, map_location="cpu", weights_only=True)
