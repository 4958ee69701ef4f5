"""cnnlab's training loop, and a bare one for the same session: same network, data, batches, precision and layout."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

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
from cnnlab.training.trainer import autocast


def bare_loop(session: Session) -> Iterator[None]:
    """Index, normalize, forward, loss, backward, update, and nothing else; as fast as it can be written."""
    batches, network, trainer = session.batches, session.network, session.trainer
    optimizer, scheduler = trainer.optimizer, trainer.scheduler
    assert optimizer is not None and scheduler is not None
    images, labels, size = batches.images, batches.labels, batches.batch_size
    mean, std = (torch.tensor(v, device=session.device).view(-1, 1, 1) for v in (batches.mean, batches.std))
    scale, shift = 1 / (255 * std), mean / std
    network.train()
    for step in range(session.steps):
        if step % len(batches) == 0:
            order = torch.randperm(len(labels), device=session.device).split(size)
        index = order[step % len(batches)]
        x = trainer.layout(images.index_select(0, index).float().mul_(scale).sub_(shift))
        with autocast(trainer.precision, session.device):
            loss = F.cross_entropy(trainer.fast(x).float(), labels.index_select(0, index))
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


class StepsOnly:
    """A session without ends of epochs, since the bare loop neither validates nor saves."""

    def __init__(self, session: Session):
        self.due, self.watch, self.measured = session.due, session.watch, session.measured
        self.resting = session.resting

    def epoch_done(self, step: int, epoch: int, train: dict[str, float]) -> bool:
        return True


@contextmanager
def session(overrides: Sequence[str]) -> Iterator[Session]:
    """Of `python -m cnnlab.train` with these overrides, without pictures and theory, which take no part in a step but
    the first, in a folder that is deleted."""
    register_resolvers()
    (job,) = compose_jobs("train", [*overrides, "telemetry.theory=false"]) or []
    with TemporaryDirectory() as folder:
        device = choose_device(job.trainer.device)
        opened = session_of(job, Request(), RunFolder(Path(folder)), device, pictures=False)
        yield opened
        opened.recorder.dashboard.end(success=True)  # before its folder is deleted
