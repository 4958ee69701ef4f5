"""What a run would cost, from a few measured steps."""

from itertools import islice
from statistics import median
from time import perf_counter
from typing import Any

from cnnlab.cli.parts import make_parts
from cnnlab.common.device import choose_device
from cnnlab.common.random import seed_everything
from cnnlab.common.threads import computing_with
from cnnlab.training.from_config import trainer_of

MEASURED_STEPS = 3  # after one that warms up


def training_seconds(config: Any, threads: int | None = None) -> float:
    """Seconds that the training steps of a `python -m cnnlab.train` config take, validation and test not counted.

    `threads`: of the CPU, as the run would have.
    """
    with computing_with(threads):
        seed_everything(config.seed, config.trainer.deterministic)
        device = choose_device(config.trainer.device)
        parts = make_parts(config, device)
        trainer = trainer_of(config, parts.network, parts.data.shape, device, max(parts.steps, 1))
        parts.network.train()
        seconds = []
        for x, y in islice(parts.batches.epoch(0), 1 + MEASURED_STEPS):
            began = perf_counter()
            trainer.step(x, y, trainer.fast)[0].item()  # which waits for the device
            seconds.append(perf_counter() - began)
        return parts.steps * median(seconds[1:] or seconds)
