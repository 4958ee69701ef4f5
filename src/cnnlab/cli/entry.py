"""Shared entry point of the commands: validates every job before creating a folder; user errors have no traceback."""

import signal
import sys
from collections.abc import Callable
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from omegaconf import DictConfig

from cnnlab.cli.compose import CONFIGS, compose_jobs, exit_with
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.cli.versions import VERSION_BASE
from cnnlab.common.errors import InputError


class _JobInputError(CompactHydraException):
    """An InputError raised inside a job; Hydra prints this base class without a traceback."""

    # Hydra 1.4 prints the part of any exception's traceback that belongs to the job, if it finds one here.
    __traceback__ = None


def entry(config_name: str, task: Callable[[DictConfig], Any], check: Callable[[list[DictConfig]], None]) -> None:
    """Run `python -m cnnlab.<config_name>`: `check(all jobs)` first, then `task(config)` once per job.

    Either may raise InputError: one to five lines on stderr, exit code 1.
    """
    register_resolvers()
    try:
        jobs = compose_jobs(config_name, sys.argv[1:])
        if jobs is not None:
            check(jobs)
    except InputError as error:
        exit_with(error)

    def job(config: DictConfig) -> None:
        try:
            task(config)
        except InputError as error:
            raise _JobInputError(str(error)) from None
        except KeyboardInterrupt:
            sys.stderr.write(f"Interrupted. Partial results are in {HydraConfig.get().runtime.output_dir}\n")
            raise

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Slurm, docker and timeout stop a job with SIGTERM
    try:
        hydra.main(config_path=str(CONFIGS), config_name=config_name, **VERSION_BASE)(job)()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
