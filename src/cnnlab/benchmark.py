"""What cnnlab's loop and telemetry cost against the least that trains: same network, batches and threads."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import torch
import torch.nn.functional as F

from cnnlab.app import register_resolvers
from cnnlab.compose import compose_jobs
from cnnlab.session import Session
from cnnlab.training.run import RunFolder
from cnnlab.training.runtime import choose_device

BARE = "bare loop"
VARIANTS = {
    BARE: ["telemetry=off"],
    "telemetry=off": ["telemetry=off"],
    "telemetry=light": ["telemetry=light"],
    "light, every step": ["telemetry=light", "telemetry.every=1"],
}


def take_turns(overrides: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Seconds of each variant in each round, one after the other, so that a machine that drifts hits all alike.

    One more round goes before, to warm up, and is not counted. Only the loop is timed, not building it.
    """
    register_resolvers()
    times: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for turn in range(rounds + 1):
        for name, settings in VARIANTS.items():
            with TemporaryDirectory() as folder:
                seconds = _timed(name, [*overrides, *settings], Path(folder))
            if turn:
                times[name].append(seconds)
    return times


def ratios(times: dict[str, list[float]]) -> dict[str, tuple[float, float, float]]:
    """Median, smallest and largest over the rounds of a variant's time over that of the bare loop beside it."""
    found = {}
    for name, seconds in times.items():
        each = [own / bare for own, bare in zip(seconds, times[BARE], strict=True)]
        found[name] = (median(each), min(each), max(each))
    return found


def bare_loop(session: Session) -> None:
    """What one would write for this set and network without any laboratory around it."""
    batches, network, optimizer = session.batches, session.network, session.trainer.optimizer
    images, labels, size = batches.images, batches.labels, batches.batch_size
    mean, std = (torch.tensor(v, device=session.device).view(-1, 1, 1) for v in (batches.mean, batches.std))
    scale, shift = 1 / (255 * std), mean / std
    network.train()
    for step in range(session.steps):
        if step % len(batches) == 0:
            order = torch.randperm(len(labels), device=session.device).split(size)
        index = order[step % len(batches)]
        x = images.index_select(0, index).float().mul_(scale).sub_(shift)
        loss = F.cross_entropy(network(x), labels.index_select(0, index))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        session.trainer.scheduler.step()


def _timed(name: str, overrides: list[str], folder: Path) -> float:
    (job,) = compose_jobs("train", overrides) or []
    session = Session(job, RunFolder(folder), choose_device(job.trainer.device))
    began = perf_counter()
    if name == BARE:
        bare_loop(session)
    else:
        session.fit()
    if session.device.type == "cuda":
        torch.cuda.synchronize()
    seconds = perf_counter() - began
    session.dashboard.end(success=True)  # before its folder goes
    return seconds
