"""Overhead of cnnlab's loop and telemetry over a minimal training loop: same network, batches and threads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import torch
import torch.nn.functional as F

from cnnlab.cli.compose import compose_jobs
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.common.device import choose_device
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder
from cnnlab.training.clock import StepClock
from cnnlab.training.session import Session
from cnnlab.training.start import session_of

# Steps per turn; the variants alternate, so that drift of the machine within seconds affects them equally.
TURN = 10
WARM_UP = 40

Steps = Callable[[Session], Iterator[None]]


def bare_loop(session: Session) -> Iterator[None]:
    """A minimal loop for this data set and network, without cnnlab's."""
    batches, network = session.batches, session.network
    optimizer, scheduler = session.trainer.optimizer, session.trainer.scheduler
    assert optimizer is not None and scheduler is not None
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
        scheduler.step()
        yield


def cnnlab_loop(session: Session) -> Iterator[None]:
    """The trainer's loop, with all its work per step."""
    with session.progress:
        steps = StepsOnly(session)
        yield from session.trainer.each_step(session.batches, session.steps, steps, StepClock(session.device))


BARE = "bare loop"
VARIANTS: dict[str, tuple[Steps, list[str]]] = {
    BARE: (bare_loop, ["telemetry=off"]),
    "telemetry=off": (cnnlab_loop, ["telemetry=off"]),
    "telemetry=light": (cnnlab_loop, ["telemetry=light"]),
    "light, every step": (cnnlab_loop, ["telemetry=light", "telemetry.every=1"]),
}


def take_turns(overrides: Sequence[str], steps: int, rounds: int) -> dict[str, list[float]]:
    """Seconds for `steps` steps of each variant, per round."""
    register_resolvers()
    total = WARM_UP + steps * rounds
    with ExitStack() as stack:
        loops = {
            name: loop(stack.enter_context(_session([f"trainer.max_steps={total}", *overrides, *settings])))
            for name, (loop, settings) in VARIANTS.items()
        }
        for loop in loops.values():
            _timed(loop, WARM_UP)
        return _rounds(loops, steps, rounds)


def ratios(times: dict[str, list[float]]) -> dict[str, tuple[float, float, float]]:
    """Median, minimum and maximum over rounds of each variant's time over the bare loop's in the same round."""
    found = {}
    for name, seconds in times.items():
        each = [own / bare for own, bare in zip(seconds, times[BARE], strict=True)]
        found[name] = (median(each), min(each), max(each))
    return found


class StepsOnly:
    """A session without ends of epochs, since the bare loop neither validates nor saves."""

    def __init__(self, session: Session):
        self.due, self.watch, self.measured = session.due, session.watch, session.measured
        self.resting = session.resting

    def epoch_done(self, step: int, epoch: int, train: dict[str, float]) -> bool:
        return True


@contextmanager
def _session(overrides: list[str]) -> Iterator[Session]:
    (job,) = compose_jobs("train", overrides) or []
    with TemporaryDirectory() as folder:
        device = choose_device(job.trainer.device)
        session = session_of(job, Request(), RunFolder(Path(folder)), device, pictures=False)
        yield session
        session.recorder.dashboard.end(success=True)  # before its folder is deleted


def _rounds(loops: dict[str, Iterator[None]], steps: int, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(rounds):
        for seconds in times.values():
            seconds.append(0.0)
        for done in range(0, steps, TURN):
            for name, loop in loops.items():
                times[name][-1] += _timed(loop, min(TURN, steps - done))
    return times


def _timed(loop: Iterator[None], steps: int) -> float:
    began = perf_counter()
    for _ in range(steps):
        next(loop)
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return perf_counter() - began
