"""What a Slurm job does: one job of a sweep, which a time limit or a preemption sends back into the queue."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn

from cnnlab.cli.launchers.job import run_packed
from cnnlab.common.stopping import ask, stop
from cnnlab.runs.attempts import set_aside
from cnnlab.runs.run_folder import mark_interrupted
from cnnlab.runs.status import FINISHED, can_be_taken_up, real_status


class SlurmWorker:
    """Called by submitit on a node, again after each requeue; `checkpoint` is submitit's protocol for that.

    `folder`: the run folder in the sweep folder `sweep`, both absolute. Returns None if the run had finished before.
    """

    def __init__(self, payload: bytes, folder: Path, sweep: Path, threads: int):
        self.payload, self.folder, self.sweep, self.threads = payload, folder, sweep, threads
        self._ending: BaseException | None = None  # what submitit ends the process with

    def __call__(self) -> JobReturn | None:
        if not self._prepare():
            return None
        with self._stoppable():
            try:
                os.environ["OMP_NUM_THREADS"] = str(self.threads)
                import torch

                torch.set_num_threads(self.threads)
                return run_packed(self.payload)
            except KeyboardInterrupt:
                raise self._ending or KeyboardInterrupt from None

    def checkpoint(self) -> Any:
        """The job that takes this one's place, and goes on with its run."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(SlurmWorker(self.payload, self.folder, self.sweep, self.threads))

    def _prepare(self) -> bool:
        """Keep an earlier attempt that cannot be taken up out of the way; False if that attempt finished."""
        status = real_status(self.folder)["status"]
        # Slurm starts a job again only when its first processes are gone. Any other running job is left alone, and
        # RunFolder refuses to share its folder.
        if status == "running" and int(os.environ.get("SLURM_RESTART_COUNT", 0)) > 0:
            mark_interrupted(self.folder, "Slurm started the job again")
            status = "interrupted"
        if status not in (*FINISHED, "queued", "running") and not can_be_taken_up(self.folder):
            set_aside(self.folder, self.sweep)
        return status not in FINISHED

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """SIGTERM (scancel) and submitit's own signal (time limit) interrupt the run, whose run.json then says so."""
        from submitit.core.job_environment import JobEnvironment

        number = JobEnvironment._usr_sig()
        requeue = signal.getsignal(number)

        def out_of_time(signum: int, frame: Any) -> None:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # requeueing brings one, and must not be interrupted by it
            try:
                requeue(signum, frame)  # type: ignore[operator]
            except (SystemExit, Exception) as error:
                self._ending = error
            again = isinstance(self._ending, SystemExit)
            ask(signum, f"Slurm's time limit or a preemption: {'back into the queue' if again else self._ending}")

        before = signal.signal(signal.SIGTERM, stop)
        if callable(requeue):
            signal.signal(number, out_of_time)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
            signal.signal(number, requeue)
