"""One job of a sweep as bytes, so that any process on any machine can run it: for every launcher the same."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from cnnlab.cli.resolvers import register_resolvers


def compose_job(launcher: Any, overrides: Sequence[str], index: int) -> DictConfig:
    """The whole config of job number `index`, with Hydra's own section."""
    config = launcher.hydra_context.config_loader.load_sweep_config(launcher.config, list(overrides))
    with open_dict(config):
        config.hydra.job.id, config.hydra.job.num = str(index), index
    return config


def job_folder(config: DictConfig) -> Path:
    """The run folder, absolute, of a job's whole config."""
    hydra_config = HydraConfig.instance()
    before = hydra_config.cfg
    try:
        hydra_config.set_config(config)  # the folder's name interpolates from it
        return Path(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir)).absolute()
    finally:
        hydra_config.cfg = before


def pack(launcher: Any, overrides: Sequence[str], index: int) -> bytes:
    return pack_config(launcher, compose_job(launcher, overrides, index))


def pack_config(launcher: Any, config: DictConfig) -> bytes:
    """What `run_packed` needs; by cloudpickle, since the task function is a closure around `__main__`'s functions."""
    state = Singleton.get_state()
    return pack_here((config, launcher.task_function, launcher.hydra_context.callbacks, state))


def pack_here(content: Any) -> bytes:
    """For `unpack_there`. Relative paths are meant from here, and networks of one's own are found on this path, which
    must be known before the content is unpacked."""
    return cloudpickle.dumps((os.getcwd(), list(sys.path), cloudpickle.dumps(content)))


def unpack_there(payload: bytes) -> Any:
    cwd, path, content = cloudpickle.loads(payload)
    os.chdir(cwd)
    sys.path[:0] = [folder for folder in path if folder not in sys.path]
    return cloudpickle.loads(content)


def run_packed(payload: bytes) -> JobReturn:
    """Run the job in this process; what it raises is in the JobReturn, SystemExit too, but not KeyboardInterrupt."""
    config, task_function, callbacks, state = unpack_there(payload)
    setup_globals()
    register_resolvers()
    Singleton.set_state(state)
    try:
        done = run_job(
            task_function=task_function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            # It composed the config already, and a sweeper's own loader holds every job of the sweep.
            hydra_context=HydraContext(config_loader=None, callbacks=callbacks),  # type: ignore[arg-type]
        )
    except SystemExit as error:
        return failed(config, RuntimeError(f"SystemExit: {error.code}"))
    return done if _travels(done) else failed(config, RuntimeError(_words(done._return_value)))


def failed(config: DictConfig, error: Exception) -> JobReturn:
    """The outcome of a job that cannot tell it itself."""
    return _outcome(config, JobStatus.FAILED, error)


def finished(config: DictConfig) -> JobReturn:
    """The outcome of a job that is known by its run folder alone."""
    return _outcome(config, JobStatus.COMPLETED, None)


def _outcome(config: DictConfig, status: JobStatus, value: Any) -> JobReturn:
    done = JobReturn(
        overrides=list(config.hydra.overrides.task),
        cfg=OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]),
        hydra_cfg=OmegaConf.masked_copy(config, ["hydra"]),
        task_name=config.hydra.job.name,
        status=status,
    )
    done.return_value = value
    return done


def _travels(done: JobReturn) -> bool:
    """Whether it arrives as it was sent; an exception whose constructor takes more than a message does not."""
    try:
        cloudpickle.loads(cloudpickle.dumps(done))
    except Exception:
        return False
    return True


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
