"""`hydra/launcher=ray`: each job of a sweep is a task of Ray, in a process of its own."""

import os
import signal
import socket
from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from cnnlab.cli.launchers.job import compose_job, failed, job_folder, pack_config, run_packed
from cnnlab.cli.launchers.settings import MAPPING, TEXT, check_settings, plain_settings, require
from cnnlab.cli.refusal import Refusal
from cnnlab.common.checks import number, optional, whole
from cnnlab.common.stopping import GRACE_S, heard
from cnnlab.runs.run_folder import mark_interrupted

RULES = {
    "address": optional(TEXT),
    "num_cpus": whole(1),
    "num_gpus": number(0),
    "init": optional(MAPPING),
}
PATIENCE_S = 10  # for the head of a cluster to answer


class RayLauncher(Launcher):
    """`settings`: those of `configs/hydra/launcher/ray.yaml`."""

    detaches = False  # Ray stops the tasks of a process that has left

    def __init__(self, **settings: Any) -> None:
        self.settings = plain_settings(settings)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Raises Refusal."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self.ray = require("ray", "ray")
        check_settings(self.settings, RULES)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """One result per job, in order; a job that failed has the reason in its result. Raises Refusal."""
        configs = [compose_job(self, overrides, initial_job_idx + i) for i, overrides in enumerate(job_overrides)]
        ours = not self.ray.is_initialized()
        if ours:
            self._connect()
        try:
            return self._run(configs)
        finally:
            if ours:
                self.ray.shutdown()

    def _connect(self) -> None:
        # Left to itself Ray would try the cluster that last ran on this machine, for minutes if it has ended.
        address = self.settings["address"] or os.environ.get("RAY_ADDRESS") or "local"
        on_stop = signal.getsignal(signal.SIGTERM)
        try:
            if ":" in address and "://" not in address:
                # Ray tries for minutes, and then ends the process.
                host, _, port = address.rpartition(":")
                socket.create_connection((host, int(port)), timeout=PATIENCE_S).close()
            arguments = {"log_to_driver": False, "logging_level": "ERROR"} | (self.settings["init"] or {})
            self.ray.init(address=address, **arguments)
            signal.signal(signal.SIGTERM, on_stop)  # Ray's would end the sweep as if it had called sys.exit
        except (OSError, ValueError, RuntimeError) as error:
            raise Refusal(
                f"hydra.launcher.address={address}: no connection to Ray: {str(error).splitlines()[0]}\n"
                "Give the address of a cluster's head (HOST:6379), or local for a Ray of this machine alone."
            ) from None

    def _run(self, configs: Sequence[DictConfig]) -> list[JobReturn]:
        cpus, gpus = self.settings["num_cpus"], self.settings["num_gpus"]
        # A process for each job: neither random state nor memory passes from one to the next.
        task = self.ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0, max_calls=1)(_work)
        number = {task.remote(pack_config(self, config), cpus): i for i, config in enumerate(configs)}
        done: dict[int, JobReturn] = {}
        try:
            while waiting := [ref for ref, i in number.items() if i not in done]:
                (ref,), _ = self.ray.wait(waiting, num_returns=1)
                done[number[ref]] = self._result(ref, configs[number[ref]])
        except BaseException:
            heard()
            self._stop({ref: configs[i] for ref, i in number.items() if i not in done})
            raise
        return [done[i] for i in sorted(done)]

    def _result(self, ref: Any, config: DictConfig) -> JobReturn:
        try:
            return self.ray.get(ref)
        except self.ray.exceptions.RayError as error:
            reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
            mark_interrupted(job_folder(config), reason)
            return failed(config, RuntimeError(reason))

    def _stop(self, jobs: dict[Any, DictConfig]) -> None:
        """Interrupt the jobs, which then write what they have; kill those that do not end."""
        for ref in jobs:
            self.ray.cancel(ref)
        _, alive = self.ray.wait(list(jobs), num_returns=len(jobs), timeout=GRACE_S) if jobs else ([], [])
        for ref in alive:
            self.ray.cancel(ref, force=True)
        for config in jobs.values():
            mark_interrupted(job_folder(config), "stopped with the sweep")


def _work(payload: bytes, threads: int) -> JobReturn:
    import torch

    torch.set_num_threads(threads)
    return run_packed(payload)
