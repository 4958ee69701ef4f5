"""`hydra/launcher=slurm`: each job of a sweep is a job of Slurm, submitted by submitit as one array."""

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from cnnlab.cli.launchers.job import compose_job, failed, finished, job_folder, pack_config
from cnnlab.cli.launchers.settings import MAPPING, TEXT, check_settings, plain_settings, require
from cnnlab.cli.launchers.slurm_queue import SlurmQueue, active, gone
from cnnlab.cli.launchers.slurm_worker import SlurmWorker
from cnnlab.cli.refusal import Refusal
from cnnlab.common.checks import list_of, number, optional, whole
from cnnlab.runs.run_folder import mark_interrupted
from cnnlab.runs.status import FINISHED, real_status

RULES = {
    "timeout_min": whole(1),
    "cpus_per_task": whole(1),
    "mem_gb": optional(number(0, above=True)),
    "gpus_per_node": optional(whole(1)),
    "partition": optional(TEXT),
    "array_parallelism": whole(1),
    "requeues": whole(0),
    "signal_delay_s": whole(1),
    "setup": optional(list_of(TEXT)),
    "additional_parameters": optional(MAPPING),
    "poll_s": number(0, above=True),
}


class SlurmLauncher(Launcher):
    """`settings`: those of `configs/hydra/launcher/slurm.yaml`."""

    detaches = True  # sweep.wait=false submits and returns

    def __init__(self, **settings: Any) -> None:
        self.settings = plain_settings(settings)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Raises Refusal; corrects run.json of jobs that were killed while nobody waited for them."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config
        self.submitit = require("submitit", "slurm")
        check_settings(self.settings, RULES)
        if missing := [name for name in ("sbatch", "srun", "squeue") if shutil.which(name) is None]:
            raise Refusal(
                f"hydra/launcher=slurm needs Slurm, and this machine has no {' and no '.join(missing)}.\n"
                "Type the command on a login node of your cluster, or leave out hydra/launcher=slurm."
            )
        self.queue = SlurmQueue(Path(str(config.hydra.sweep.dir)).absolute())
        self.queue.settle()

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """One result per job, in order; a job that failed has the reason in its result. Raises Refusal.

        A job that Slurm has from an earlier call is waited for, not submitted again.
        """
        configs = [compose_job(self, overrides, initial_job_idx + i) for i, overrides in enumerate(job_overrides)]
        names = [job_folder(config).relative_to(self.queue.sweep).as_posix() for config in configs]
        present = active() or set()
        new = [i for i, name in enumerate(names) if self.queue.jobs.get(name) not in present]
        self.queue.remember(dict(zip([names[i] for i in new], self._submit([configs[i] for i in new]), strict=True)))
        if not OmegaConf.select(self.config, "sweep.wait", default=True):
            return [JobReturn(overrides=list(overrides)) for overrides in job_overrides]  # status: unknown
        try:
            self._wait([(name, self.queue.jobs[name]) for name in names])
        except KeyboardInterrupt:
            present, jobs = active(), [self.queue.jobs[name] for name in names]
            left = [job for job in jobs if present is None or job in present]
            sys.stderr.write(f"Slurm runs the sweep on. To stop it:  scancel {' '.join(left)}\n" if left else "")
            raise
        return [self._result(config, name) for config, name in zip(configs, names, strict=True)]

    def _submit(self, configs: Sequence[DictConfig]) -> list[str]:
        """Slurm's numbers of the jobs."""
        if not configs:
            return []
        sweep, settings = self.queue.sweep, self.settings
        executor = self.submitit.AutoExecutor(
            folder=self.queue.folder, cluster="slurm", slurm_max_num_timeout=settings["requeues"]
        )
        executor.update_parameters(
            name=f"cnnlab-{sweep.name}",
            **{key: settings[key] for key in ("timeout_min", "cpus_per_task", "mem_gb", "gpus_per_node")},
            **{
                f"slurm_{key}": settings[key]
                for key in ("partition", "array_parallelism", "signal_delay_s", "setup", "additional_parameters")
            },
        )
        workers = [
            SlurmWorker(pack_config(self, config), job_folder(config), sweep, settings["cpus_per_task"])
            for config in configs
        ]
        try:
            return [job.job_id for job in executor.submit_array(workers)]
        except self.submitit.core.utils.FailedJobError as error:
            raise Refusal(f"Slurm did not take the jobs: {error}") from None

    def _wait(self, jobs: Sequence[tuple[str, str]]) -> None:
        """Until each run has results or Slurm no longer has its job; corrects run.json of those that were killed."""
        waiting = dict(jobs)
        while waiting:
            present = active()
            for name, job in list(waiting.items()):
                folder = self.queue.sweep / name
                # While Slurm does not answer, only results count. A failed run may still be on its way back.
                if present is not None and job not in present:
                    mark_interrupted(folder, gone(job))
                    del waiting[name]
                elif real_status(folder)["status"] in FINISHED:
                    del waiting[name]
            if waiting:
                time.sleep(self.settings["poll_s"])

    def _result(self, config: DictConfig, name: str) -> JobReturn:
        run, job = real_status(self.queue.sweep / name), self.queue.jobs[name]
        if run["status"] in FINISHED:
            return finished(config)
        log = self.submitit.SlurmJob(folder=self.queue.folder, job_id=job).paths.stderr
        reason = run.get("error") or f"Slurm job {job} left no run: see {log}"
        return failed(config, RuntimeError(reason))
