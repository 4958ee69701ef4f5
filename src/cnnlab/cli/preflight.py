"""Finds everything in the training jobs that is certain to fail, before any of them starts."""

import inspect
import json
from collections.abc import Mapping, Sequence
from multiprocessing import parent_process
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cnnlab.cli.processes import local_processes, of_torchrun, warm_processes
from cnnlab.cli.resolvers import resolved
from cnnlab.cli.schema import check_shapes, check_values, unknown
from cnnlab.common.errors import InputError


def check_training(jobs: Sequence[DictConfig]) -> None:
    """Values first, without importing torch; then targets, device, data, and each network on the shape of its data."""
    for job in jobs:
        plain: Any = OmegaConf.to_container(job, resolve=False)
        check_shapes(plain)
        check_values(plain)
    for job in _distinct(jobs, "model", "init", "optimizer", "scheduler", "dataset", "trainer", "telemetry"):
        check_targets(job)
    for job in jobs:
        check_values(resolved(job))

    for job in jobs:
        _check_repair(job)
        _check_devices(job, job.trainer.batch_size)

    # In a sweep this is a fork of a server, and each job has its own.
    here = parent_process() is None and of_torchrun()[1] == 1
    for job in [job for job in jobs if here and job.trainer.devices > 1 and job.check is None][:1]:
        warm_processes(job)

    from cnnlab.views.beginning import waiting_for

    with waiting_for("Loading PyTorch, trying the network on two images"):
        _check_built(jobs)


def _check_built(jobs: Sequence[DictConfig]) -> None:
    import torch

    from cnnlab.cli.build import build_data, build_network, build_optimizer, build_statistics, construct
    from cnnlab.common.device import choose_device
    from cnnlab.networks.dry_run import check_forward

    for job in _distinct(jobs, "trainer"):
        device = choose_device(job.trainer.device)
        if job.trainer.precision == "fp16" and device.type == "cpu":
            raise InputError("trainer.precision=fp16 needs CUDA; on the CPU use trainer.precision=bf16 or fp32.")
        here = local_processes(job.trainer.devices)
        if device.type == "cuda" and here > torch.cuda.device_count():
            raise InputError(
                f"trainer.devices={job.trainer.devices} needs {here} CUDA devices here, "
                f"and this PyTorch sees {torch.cuda.device_count()}.\n"
                f"Use at most trainer.devices={torch.cuda.device_count()}, or trainer.device=cpu."
            )
    for job in _distinct(jobs, "telemetry"):
        build_statistics(job.telemetry)
    for job in _distinct(
        jobs, "dataset", "model", "init", "optimizer", "scheduler", "augmentation", "evaluation", "trainer"
    ):
        data = build_data(job.dataset)
        _check_devices(job, min(job.trainer.batch_size, len(data.train)))
        network = build_network(job, data, torch.zeros(2, *data.shape))
        if _trains(job):
            build_optimizer(job, network, 2)
        check_forward(network, data.shape, len(data.classes), min(2, len(data.train), job.trainer.batch_size))
        for section in ("augmentation", "evaluation"):
            construct(section, job[section]).check(data.shape)


def _check_devices(job: DictConfig, batch_size: int) -> None:
    """`batch_size`: images in a batch, fewer than asked for where there are fewer."""
    devices = job.trainer.devices
    if batch_size % devices:
        lower = batch_size // devices * devices
        raise InputError(
            f"{batch_size} images of a batch cannot be shared equally by trainer.devices={devices}.\n"
            f"Give trainer.batch_size={f'{lower} or ' if lower else ''}{lower + devices}, or other trainer.devices."
        )


def _check_repair(job: DictConfig) -> None:
    if not job.repair:
        return
    if job.check is not None:
        raise InputError(
            f"repair=true repairs a training run, and check={job.check} trains none.\nLeave out one of them."
        )
    if not _trains(job):
        raise InputError(
            "repair=true compares brief trainings, and this run takes no step.\n"
            "Give it some, e.g. trainer.max_steps=300, or leave out repair=true."
        )


def _trains(job: DictConfig) -> bool:
    return bool(job.trainer.epochs if job.trainer.max_steps is None else job.trainer.max_steps)


def check_targets(job: DictConfig) -> None:
    """Raise InputError unless every `_target_` can be imported and accepts its section's keys."""
    for section in job:
        values = job[section] if section != "seed" else None
        if not isinstance(values, DictConfig) or "_target_" not in values:
            continue
        try:
            arguments: dict[str, Any] = OmegaConf.to_container(values, resolve=True)  # type: ignore[assignment]
        except OmegaConfBaseException as error:
            raise InputError(f"{section}: {str(error).splitlines()[0]}") from error
        check_call(str(section), arguments)


def check_call(section: str, arguments: Mapping[str, Any]) -> None:
    """Raise InputError unless `arguments`, and what cnnlab passes besides, fit the signature of `_target_`."""
    target = arguments["_target_"]
    try:
        callable_ = get_object(target)
        parameters = inspect.signature(callable_).parameters
    except Exception as error:
        raise InputError(
            f"{section}._target_={target} cannot be imported: {str(error).splitlines()[0]}\n"
            "Write the dotted path of a class or function that Python can import from this folder."
        ) from error
    own = {"bias", "after"} if section == "init" else set()  # cnnlab.networks.init.initialize takes these
    extra: set[str] = set()
    if section == "model":
        from cnnlab.networks.foreign import OWN_NAMES, takes_image_shape

        extra = set(OWN_NAMES) if takes_image_shape(callable_) else {"num_classes"}
        own = set() if takes_image_shape(callable_) else {"stem"}
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    missing = sorted(extra - set(parameters))
    if missing:
        raise InputError(
            f"{target} does not take {' and '.join(missing)}.\n"
            "cnnlab calls a network with image_shape=(C, H, W) and classes=n, both taken from the data set; one that\n"
            "takes neither with num_classes=n, as torchvision's are called."
        )
    arguments = {name: value for name, value in arguments.items() if name not in own}
    for name in arguments:
        if not name.startswith("_") and name not in parameters:
            known = [f"{section}.{p}" for p in list(parameters) if p not in extra]
            raise InputError(unknown(f"{section}.{name}", known))


def _distinct(jobs: Sequence[DictConfig], *sections: str) -> list[DictConfig]:
    """One job per distinct content of these sections, so that a sweep over seeds is checked once."""
    seen: dict[str, DictConfig] = {}
    for job in jobs:
        key = json.dumps([OmegaConf.to_container(job[s]) if s in job else None for s in sections], default=str)
        seen.setdefault(key, job)
    return list(seen.values())
