"""Shared entry point of the commands: validates every job before creating a folder; user errors have no traceback."""

import logging
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from hydra import main as main_of
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from cnnlab.cli.busy import beside_others
from cnnlab.cli.compose import compose_command, deferred, exit_with, is_of_others, with_configs, without_sections
from cnnlab.cli.folders import flags_first, has_folder
from cnnlab.cli.handed import run_handed
from cnnlab.cli.help_page import asked
from cnnlab.cli.hydra_job import is_sweep
from cnnlab.cli.overrides import quoted_paths
from cnnlab.cli.processes import with_devices
from cnnlab.cli.refusal import Refusal
from cnnlab.cli.resolvers import CONFIGS, register_resolvers
from cnnlab.cli.resuming import resumed
from cnnlab.cli.versions import VERSION_BASE
from cnnlab.common.cpu_settings import apply_cpu_settings
from cnnlab.common.errors import InputError, refused
from cnnlab.common.garbage import leave_to_the_system
from cnnlab.common.stopping import Stopped, stoppable
from cnnlab.common.unread import quiet_if_unread

Check = Callable[[Sequence[DictConfig]], Any]


class _Made:
    """What the check made, for the one job of this process: it goes to no other, as a task of a sweep does."""

    content: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def take(self) -> tuple[Any, ...]:
        found, self.content = self.content, None
        return () if found is None or is_sweep() else (found,)


def entry(config_name: str, task: Callable[..., Any], check: Check, **of_sweep: Callable[..., Any]) -> None:
    """Run `python -m cnnlab.<config_name>`: `check(all jobs)` first, then `task(config)` once per job.

    What the check of a single run returns, unless None, is the task's second argument. Either may raise InputError: one
    to five lines on stderr, exit code 1. Where nobody reads on, as before `| head`, it ends quietly. `of_sweep`: what
    only a command that sweeps knows, by name, for its sweeper.
    """
    leave_to_the_system()
    apply_cpu_settings()
    register_resolvers()
    try:
        with quiet_if_unread(), stoppable():
            _run(config_name, task, check, of_sweep)
    except KeyboardInterrupt as error:
        sys.exit(128 + (error.number if isinstance(error, Stopped) else signal.SIGINT))


def _run(config_name: str, task: Callable[..., Any], check: Check, of_sweep: Mapping[str, Callable[..., Any]]) -> None:
    made = _Made()
    # Composing asks for the version that this sets.
    by_hydra = main_of(config_path=str(CONFIGS), config_name=config_name, **VERSION_BASE)
    try:
        typed = flags_first(sys.argv[1:])
        if "--version" in typed:
            print(f"cnnlab {version('cnnlab')}, Hydra {version('hydra-core')}")
            return
        if (page := asked(CONFIGS, config_name, typed)) is not None:
            print(page)
            return
        if config_name == "train":
            typed = _of_training(typed)
        sys.argv[1:] = deferred(quoted_paths(typed))
        command = compose_command(config_name, sys.argv[1:])
        if command.jobs is not None:
            made.content = check(command.jobs)
    except InputError as error:
        exit_with(error)
    except Exception as error:
        _exit_if_refused(error)
        raise

    def job(config: DictConfig) -> None:
        try:
            task(without_sections(config), *made.take())
        except InputError as error:
            if not is_sweep():
                exit_with(error)  # Hydra would add lines of its own
            raise Refusal(str(error)) from None
        except KeyboardInterrupt:
            hydra = HydraConfig.get()
            left = f" Partial results are in {hydra.runtime.output_dir}" if has_folder(hydra) else ""
            sys.stderr.write(f"Interrupted.{left}\n")
            raise
        except Exception as error:
            if is_sweep():  # where the terminal has one line for it
                logging.getLogger("cnnlab").exception("This run failed.")
            else:
                _exit_if_refused(error)
            raise

    # The sweeper finds them on the function that it is given.
    job.check, job.of_sweep = check, of_sweep  # type: ignore[attr-defined]
    if command.config is None:
        by_hydra(job)()
        return
    with with_configs(command.config_dir) as hydra:
        run_handed(hydra, command.config, job)
    if config_name == "train" and is_of_others(command.config):
        sweep = shlex.quote(command.config.hydra.sweep.dir)
        print(f"The runs are in {sweep}. To compare them: python -m cnnlab.report {sweep}")


def _of_training(arguments: Sequence[str]) -> list[str]:
    return with_devices(resumed(beside_others(arguments)))


def _exit_if_refused(error: BaseException) -> None:
    if (told := refused(error)) is not None:
        exit_with(told)
