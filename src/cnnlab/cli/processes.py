"""The processes that train one run together, before they import torch: what `torchrun` says to each that it starts, and
the server that the others are forks of."""

import os
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext
from typing import Any

from cnnlab.cli.launchers.forked import warm
from cnnlab.cli.overrides import parsed_or_none
from cnnlab.common.errors import InputError

DEVICES = "trainer.devices"
# torch warns in C++, once a process, that no parameter is unused: that they are looked for costs little, and networks
# that skip layers need it. It reads this when it is imported.
QUIET = {"TORCH_CPP_LOG_LEVEL": "ERROR"}


def quiet() -> dict[str, str]:
    """What to set in the environment of a process before it imports torch."""
    return {name: os.environ.get(name, value) for name, value in QUIET.items()}


def warm_processes(config: Any) -> ForkServerContext:
    """The server; called early, its imports go on beside those of this process. The number of threads is set later."""
    from cnnlab.cli.launchers.local import preloaded

    return warm(["cnnlab.training.perform", *preloaded(config)], OMP_NUM_THREADS="1", **quiet())


def of_torchrun() -> tuple[int, int]:
    """(rank, number of processes); (0, 1) for a process that torchrun did not start."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return 0, 1
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def local_processes(devices: int) -> int:
    """Of `devices`, those on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", devices)) if of_torchrun()[1] > 1 else devices


def with_devices(arguments: Sequence[str]) -> list[str]:
    """The arguments, under torchrun with the number of its processes. Raises InputError for another number."""
    count, parsed = of_torchrun()[1], [parsed_or_none(argument) for argument in arguments]
    typed = [str(o.value()) for o in parsed if o is not None and o.key_or_group == DEVICES]
    if count == 1 or typed == [str(count)]:
        return list(arguments)
    if typed:
        raise InputError(
            f"{DEVICES}={typed[-1]}, but torchrun started {count} processes.\nLeave {DEVICES} out: torchrun decides."
        )
    return [*arguments, f"{DEVICES}={count}"]
