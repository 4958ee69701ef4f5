"""The door of every command: Hydra's grammar, all jobs checked before the first folder, mistakes told in words."""

import signal
import sys
from collections.abc import Callable
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from omegaconf import DictConfig

from cnnlab.cli.compose import CONFIGS, compose_jobs, fail
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.cli.versions import VERSION_BASE
from cnnlab.common.errors import InputError


class _Told(CompactHydraException):
    """An InputError inside a job, which Hydra then prints without a traceback."""


def entry(config_name: str, task: Callable[[DictConfig], Any], check: Callable[[list[DictConfig]], None]) -> None:
    """Run `python -m cnnlab.<config_name>`: `check(all jobs)` before anything is begun, then `task(config)` a job.

    Both raise InputError for a user's mistake: one to five lines on stderr, exit code 1.
    """
    register_resolvers()
    try:
        jobs = compose_jobs(config_name, sys.argv[1:])
        if jobs is not None:
            check(jobs)
    except InputError as error:
        fail(error)

    def job(config: DictConfig) -> None:
        try:
            task(config)
        except InputError as error:
            raise _Told(str(error)) from None
        except KeyboardInterrupt:
            sys.stderr.write(f"Interrupted. What was done so far lies in {HydraConfig.get().runtime.output_dir}\n")
            raise

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so ends what Slurm, docker and timeout stop, too
    try:
        hydra.main(config_path=str(CONFIGS), config_name=config_name, **VERSION_BASE)(job)()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
