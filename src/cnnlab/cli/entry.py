"""Shared entry point of the commands: validates every job before creating a folder; user errors have no traceback."""

import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from cnnlab.cli.compose import compose_jobs, deferred, exit_with, without_sections
from cnnlab.cli.hydra_job import is_sweep
from cnnlab.cli.overrides import quoted_paths
from cnnlab.cli.processes import with_devices
from cnnlab.cli.refusal import Refusal
from cnnlab.cli.resolvers import CONFIGS, register_resolvers
from cnnlab.cli.resuming import resumed
from cnnlab.cli.versions import VERSION_BASE
from cnnlab.common.errors import InputError, out_of_memory
from cnnlab.common.stopping import Stopped, stoppable
from cnnlab.common.unread import quiet_if_unread

Check = Callable[[Sequence[DictConfig]], None]


def entry(config_name: str, task: Callable[[DictConfig], Any], check: Check, **of_sweep: Callable[..., Any]) -> None:
    """Run `python -m cnnlab.<config_name>`: `check(all jobs)` first, then `task(config)` once per job.

    Either may raise InputError: one to five lines on stderr, exit code 1. Where nobody reads on, as before `| head`, it
    ends quietly. `of_sweep`: what only a command that sweeps knows, by name, for its sweeper.
    """
    register_resolvers()
    try:
        with quiet_if_unread(), stoppable():
            _run(config_name, task, check, of_sweep)
    except KeyboardInterrupt as error:
        sys.exit(128 + (error.number if isinstance(error, Stopped) else signal.SIGINT))


def _run(
    config_name: str, task: Callable[[DictConfig], Any], check: Check, of_sweep: Mapping[str, Callable[..., Any]]
) -> None:
    try:
        typed = with_devices(resumed(sys.argv[1:])) if config_name == "train" else sys.argv[1:]
        sys.argv[1:] = deferred(quoted_paths(typed))
        jobs = compose_jobs(config_name, sys.argv[1:])
        if jobs is not None:
            check(jobs)
    except InputError as error:
        exit_with(error)
    except (MemoryError, RuntimeError) as error:
        _exit_if_out_of_memory(error)
        raise

    def job(config: DictConfig) -> None:
        try:
            task(without_sections(config))
        except InputError as error:
            if not is_sweep():
                exit_with(error)  # Hydra would add lines of its own
            raise Refusal(str(error)) from None
        except KeyboardInterrupt:
            sys.stderr.write(f"Interrupted. Partial results are in {HydraConfig.get().runtime.output_dir}\n")
            raise
        except Exception as error:
            if is_sweep():  # where the terminal has one line for it
                logging.getLogger("cnnlab").exception("This run failed.")
            else:
                _exit_if_out_of_memory(error)
            raise

    # The sweeper finds them on the function that it is given.
    job.check, job.of_sweep = check, of_sweep  # type: ignore[attr-defined]
    hydra.main(config_path=str(CONFIGS), config_name=config_name, **VERSION_BASE)(job)()


def _exit_if_out_of_memory(error: BaseException) -> None:
    if (told := out_of_memory(error)) is not None:
        exit_with(told)
