"""Selects the device of a run."""

import torch

from cnnlab.common.checks import check_value
from cnnlab.common.errors import InputError
from cnnlab.common.limits import DEVICE


def choose_device(name: str) -> torch.device:
    """`auto`: CUDA if available, else the CPU. Raises InputError."""
    check_value("trainer.device", name, DEVICE)
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError(
            "trainer.device=cuda, but this PyTorch sees no CUDA device.\n"
            "Use trainer.device=cpu, or trainer.device=auto to use CUDA where available."
        )
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")
