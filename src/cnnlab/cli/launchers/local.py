"""Runs the jobs of a sweep on this machine: one process each, several at a time, none able to take others along."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from time import monotonic
from typing import Any

import cloudpickle
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from cnnlab.cli.launchers.forked import call_forked, warm
from cnnlab.cli.launchers.job import compose_job, failed, job_folder, pack_config, run_packed
from cnnlab.cli.launchers.settings import check_settings
from cnnlab.cli.refusal import Refusal
from cnnlab.common.checks import optional, whole
from cnnlab.common.stopping import GRACE_S, Stopped, end_with_parent, heard, how_it_ended, stoppable
from cnnlab.runs.run_folder import mark_interrupted

# Imported once, in the server of which every job is a fork: 5 s that no job pays again.
PRELOADED = ("cnnlab.training.start", "cnnlab.cli.launchers.local", "cnnlab.cli.launchers.scanned")
# By these functions, when they are called.
IMPORTED_LATE = {f"cnnlab.datasets.torchvision.{name}": "torchvision.datasets" for name in ("cifar10", "cifar100")}
PATIENCE_S = 5  # before it is told again: a signal that arrives inside a weakref's callback is lost


@dataclass
class Running:
    process: ForkServerProcess
    receiver: Any  # a Connection
    config: DictConfig
    slot: int


class LocalLauncher(Launcher):
    """`jobs`: how many at a time; None: cores over `threads`, or one per GPU where the runs use CUDA.

    `threads`: of each job, on the CPU.
    """

    detaches = False

    def __init__(self, jobs: int | None, threads: int) -> None:
        check_settings({"jobs": jobs, "threads": threads}, {"jobs": optional(whole(1)), "threads": whole(1)})
        self.jobs, self.threads = jobs, threads

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config
        if "forkserver" not in multiprocessing.get_all_start_methods():
            raise Refusal(
                "hydra/launcher=local forks a process per job, which this system cannot.\n"
                "Use hydra/launcher=basic: one job after the other, in one process."
            )
        self.server = multiprocessing.get_context("forkserver")

    def warm(self) -> None:
        """Start the imports of the server, which go on beside those of this process."""
        # OpenMP reads the number of threads when it is imported.
        warm(preloaded(self.config), OMP_NUM_THREADS=str(self.threads))

    def check(self, check: Callable[[Any], None], configs: Sequence[DictConfig]) -> None:
        """`check(configs)`, in a fork of the server. Raises InputError."""
        call_forked(self.server, partial(_check, check), list(configs))

    def parallel(self, config: DictConfig) -> int:
        """How many jobs with configs like this one run at a time."""
        devices = _devices(config)
        return self.jobs or _gpus(config) // devices or max(1, _cores() // max(self.threads, devices))

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """One result per job, in order; a job that failed, in whatever way, has the reason in its result."""
        self.warm()
        waiting = [
            (number, compose_job(self, overrides, initial_job_idx + number))
            for number, overrides in enumerate(job_overrides)
        ]
        done: dict[int, JobReturn] = {}
        running: dict[int, Running] = {}
        largest = max((config for _, config in waiting), key=_devices, default=None)
        each = _devices(largest) if largest is not None else 1
        gpus = _gpus(largest) // each if largest is not None else 0
        slots = set(range(self.parallel(largest))) if largest is not None else set()
        try:
            while waiting or running:
                while waiting and slots:
                    number, config = waiting.pop(0)
                    running[number] = self._start(config, slots.pop(), gpus, each)
                wait([end for job in running.values() for end in (job.receiver, job.process.sentinel)])
                for number, job in list(running.items()):
                    if job.receiver.poll() or not job.process.is_alive():
                        done[number] = _result(job)
                        slots.add(job.slot)
                        del running[number]
        except BaseException:
            heard()
            _stop(list(running.values()))
            raise
        return [done[number] for number in sorted(done)]

    def _start(self, config: DictConfig, slot: int, gpus: int, each: int) -> Running:
        """`gpus`: groups of `each`, of which the job gets one."""
        receiver, sender = self.server.Pipe(duplex=False)
        first = slot % gpus * each if gpus else 0
        visible = ",".join(_gpu_names(first + each)[first:])
        variables = {"CUDA_VISIBLE_DEVICES": visible} if gpus > 1 else {}
        log = str(job_folder(config) / "train.log")
        payload = pack_config(self, config)
        # No daemon, which may not start processes of its own; it ends with this one all the same.
        process = self.server.Process(target=_child, args=(payload, sender, log, self.threads, variables))
        process.start()
        sender.close()
        return Running(process, receiver, config, slot)


def preloaded(config: DictConfig) -> list[str]:
    """The modules that the server imports: what every job needs, and what jobs with this config need besides."""
    modules: list[str] = [*PRELOADED]
    source = str(OmegaConf.select(config, "dataset._target_"))
    if source.startswith("cnnlab."):  # one's own module may compute when it is imported
        modules += [source.rpartition(".")[0], *([IMPORTED_LATE[source]] if source in IMPORTED_LATE else [])]
    steps, epochs = (OmegaConf.select(config, f"trainer.{key}") for key in ("max_steps", "epochs"))
    if (epochs if steps is None else steps) != 0:
        modules.append("torch._dynamo")  # which every optimizer imports when it is made
    return modules


def _child(payload: bytes, sender: Connection, log: str, threads: int, variables: dict[str, str]) -> None:
    """The life of a job's process."""
    os.setsid()  # Ctrl-C on the terminal reaches the launcher alone, which tells each job once
    end_with_parent()
    os.environ.update(variables)
    _redirect(Path(log))

    import torch

    torch.set_num_threads(threads)
    try:
        with stoppable():
            sender.send_bytes(cloudpickle.dumps(run_packed(payload)))
    except Stopped as stopped:
        sys.exit(128 + stopped.number)


def _redirect(log: Path) -> None:
    """All that the job prints, and the last words of a crash, go into its log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)


def _result(job: Running) -> JobReturn:
    """What the job sent as its last act; what its exit code tells where it sent nothing."""
    try:
        result = cloudpickle.loads(job.receiver.recv_bytes())
        job.process.join()
    except EOFError:
        job.process.join()
        reason = how_it_ended(job.process.exitcode)
        mark_interrupted(job_folder(job.config), reason)
        result = failed(job.config, RuntimeError(reason))
    job.receiver.close()
    return result


def _stop(jobs: Sequence[Running]) -> None:
    """Interrupt every job, and wait until each has written what it has; in the end, kill."""
    end, told = monotonic() + GRACE_S, 0.0
    while alive := [job for job in jobs if job.process.is_alive()]:
        if monotonic() > end:
            for job in alive:
                job.process.kill()
        elif monotonic() - told > PATIENCE_S:
            told = monotonic()
            for job in alive:
                job.process.terminate()
        wait([job.process.sentinel for job in alive], timeout=0.2)
    for job in jobs:
        mark_interrupted(job_folder(job.config), "stopped with the sweep")


def _devices(config: DictConfig) -> int:
    """How many GPUs, or processes, the job takes."""
    return OmegaConf.select(config, "trainer.devices") or 1


def _check(check: Callable[[Any], Any], configs: Sequence[DictConfig]) -> None:
    check(configs)  # what it returns stays there


def _gpus(config: DictConfig) -> int:
    """How many GPUs the job may choose from."""
    return 0 if OmegaConf.select(config, "trainer.device") == "cpu" else _gpus_here()


def _gpu_names(count: int) -> list[str]:
    """Of the first `count`. Somebody, or the cluster, may have named those that are ours: by number, or a UUID."""
    ours = os.environ.get("CUDA_VISIBLE_DEVICES")
    return (ours.split(",") if ours else [str(gpu) for gpu in range(count)])[:count]


@cache
def _gpus_here() -> int:
    """Asked in a fork of the server, which has torch, so that this process need not import it: 1.3 s."""
    if "torch" in sys.modules:
        return _count_gpus()
    return call_forked(multiprocessing.get_context("forkserver"), _count_gpus, None)


def _count_gpus(_: None = None) -> int:
    import torch

    return torch.cuda.device_count()


def _cores() -> int:
    from joblib import cpu_count  # knows of affinity and of containers' shares

    return cpu_count()
