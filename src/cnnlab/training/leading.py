"""Which of the processes of torchrun reads the command line; imports no torch, so that a typo is answered at once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cnnlab.cli.processes import of_torchrun, quiet


@contextmanager
def leading() -> Iterator[bool]:
    """True in one process; in torchrun's others it is False, when they have done what that one sent."""
    rank, count = of_torchrun()
    if count == 1:
        yield True
        return
    os.environ.update(quiet())
    from cnnlab.training.distributed import dismiss, follow

    if rank:
        follow()
    try:
        yield rank == 0
    finally:
        if rank == 0:
            dismiss()
