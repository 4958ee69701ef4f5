"""Which device a run uses."""

import torch

from cnnlab.common.errors import InputError


def choose_device(name: str) -> torch.device:
    """`auto` takes CUDA where there is one."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError(
            "trainer.device=cuda, but this PyTorch sees no CUDA device.\n"
            "Use trainer.device=cpu, or trainer.device=auto to take CUDA where there is one."
        )
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")
