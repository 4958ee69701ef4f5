"""Random streams: one seed for a run, and streams of their own for whatever must not depend on what ran before."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


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


@contextmanager
def cpu_seed(seed: int) -> Iterator[None]:
    """The CPU's global random state begins at `seed` inside, and is afterwards what it was before.

    torch.manual_seed would begin every CUDA device's anew, too, and so decide what dropout draws there.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def generator(seed: int, *key: int) -> torch.Generator:
    """A CPU generator for (seed, *key); different keys give independent streams."""
    state = np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))
