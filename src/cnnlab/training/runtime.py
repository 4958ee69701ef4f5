"""Device, random state and number formats of a run."""

import os
import random

import numpy as np
import torch

from cnnlab.common.errors import InputError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """`auto` takes CUDA where there is one."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError(
            "trainer.device=cuda, but this PyTorch sees no CUDA device.\n"
            "Use trainer.device=cpu, or trainer.device=auto to take CUDA where there is one."
        )
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")


def seed_everything(seed: int, deterministic: bool) -> None:
    """Same numbers for the same seed; `deterministic` also refuses CUDA kernels whose sums vary in order.

    The global state, too, is set anew in every run, since the jobs of a sweep may share a process.
    """
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it, before its first use
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.benchmark = not deterministic


def autocast(precision: str, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=DTYPES[precision], enabled=precision != "fp32")
