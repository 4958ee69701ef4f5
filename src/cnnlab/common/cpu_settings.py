"""Settings of this process that make training on a CPU faster, and much faster beside other work.

They change no number. Both are read once, by OpenMP when torch is imported and by glibc when a process starts.
"""

import ctypes
import os
import sys

# A thread that waits for another one spins 1,000 times, then sleeps. Spinning for ever, as OpenMP does by default,
# makes a step 25 to 50 times as slow as soon as another process wants the cores; sleeping at once, a third slower on
# idle ones.
SPINS = "1000"

# glibc returns every array above 32 MiB, and most above 128 KiB, to the system when it is freed, and the next one of
# the same size costs a page fault for each 4 KiB: 3,600 a step of the default network, a fifth of its time. Up to
# 1 GiB, they are kept for the next step.
KEPT = 2**30
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h


def apply_cpu_settings() -> None:
    """Before torch is imported. Processes started from this one inherit them; what the environment already says is left
    as it is."""
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = SPINS
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        for name, number in (
            ("MALLOC_TRIM_THRESHOLD_", M_TRIM_THRESHOLD),
            ("MALLOC_MMAP_THRESHOLD_", M_MMAP_THRESHOLD),
        ):
            if name not in os.environ:
                os.environ[name] = str(KEPT)
                libc.mallopt(number, KEPT)


def release_freed_memory() -> None:
    """Give back to the system what is free now; for once, after work that needs more than a training step does."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
