"""Finds everything in the training jobs that is certain to fail, before any of them starts."""

import inspect
import json
import pkgutil
from collections.abc import Mapping, Sequence
from copy import deepcopy
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cnnlab.cli.processes import local_processes, of_torchrun, warm_processes
from cnnlab.cli.resolvers import resolved
from cnnlab.cli.schema import check_complete, check_shapes, check_values, unknown
from cnnlab.common.errors import InputError
from cnnlab.common.garbage import import_uncollected
from cnnlab.common.raised import said
from cnnlab.runs.reproducing import check_images

if TYPE_CHECKING:
    from cnnlab.cli.parts import Parts


def check_training(jobs: Sequence[DictConfig]) -> "Parts | None":
    """Values first, without importing torch; then targets, device, data, and each network on the shape of its data.

    Returns what a single job is made of, for that job, so that nothing is made twice.
    """
    check_settings(jobs)
    # In a sweep this is a fork of a server, and each job has its own.
    if parent_process() is None and of_torchrun()[1] == 1 and jobs[0].trainer.devices > 1 and jobs[0].check is None:
        warm_processes(jobs[0])

    from cnnlab.views.beginning import waiting_for

    with waiting_for("Loading PyTorch, reading the images, trying the network on two"):
        return _check_built(jobs)


def check_settings(jobs: Sequence[DictConfig]) -> None:
    """Raise InputError for the first mistake that can be seen without torch."""
    for job in jobs:
        plain: Any = OmegaConf.to_container(job, resolve=False)
        check_complete(plain)
        check_shapes(plain)
        check_values(plain)
    for job in jobs:
        check_values(resolved(job))
    for job in jobs:
        _check_repair(job)
        _check_devices(job, job.trainer.batch_size)


def _check_built(jobs: Sequence[DictConfig]) -> "Parts | None":
    import_uncollected("torch")

    import torch

    from cnnlab.cli.build import build_data, build_statistics
    from cnnlab.cli.parts import make_parts
    from cnnlab.common.device import choose_device
    from cnnlab.common.random import seed_everything
    from cnnlab.common.threads import computing_with
    from cnnlab.datasets.base import facts

    for job in _distinct(jobs, "model", "init", "optimizer", "scheduler", "dataset", "trainer", "telemetry"):
        check_targets(job)
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
    if len(jobs) == 1:
        with computing_with(jobs[0].trainer.threads):
            seed_everything(jobs[0].seed, jobs[0].trainer.deterministic)
            parts = make_parts(jobs[0], choose_device(jobs[0].trainer.device))
            if jobs[0].reproduce is not None:
                check_images(Path(jobs[0].reproduce), facts(parts.data))
            _try(jobs[0], parts)
        return parts
    for alike in _grouped(jobs, "dataset"):
        data = build_data(alike[0].dataset)
        for job in _distinct(alike, "model", "init", "optimizer", "scheduler", "augmentation", "evaluation", "trainer"):
            _try(job, make_parts(job, choose_device("cpu"), data))
    return None


def _try(job: DictConfig, parts: "Parts") -> None:
    """Raise InputError unless the network can be trained; on a copy, so that it is as it was for its run."""
    from cnnlab.cli.build import build_network, build_optimizer, construct
    from cnnlab.networks.dry_run import check_forward

    data = parts.data
    _check_devices(job, min(job.trainer.batch_size, len(data.train)))
    try:
        network = deepcopy(parts.network)
    except Exception:  # somebody else's network, which can raise anything here: there must be two
        network = build_network(job, data, parts.first)
    if _trains(job):
        import_uncollected("torch._dynamo")  # which every optimizer imports when it is made
        build_optimizer(job, network, 2)
    check_forward(network, data.shape, len(data.classes), min(2, len(data.train), job.trainer.batch_size))
    construct("evaluation", job.evaluation).check(data.shape)


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
        callable_ = pkgutil.resolve_name(target)  # Hydra's own logs its error, too
        parameters = inspect.signature(callable_).parameters
    except Exception as error:
        raise InputError(
            f"{section}._target_={target} cannot be imported: {said(error)}\n"
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
    return [alike[0] for alike in _grouped(jobs, *sections)]


def _grouped(jobs: Sequence[DictConfig], *sections: str) -> list[list[DictConfig]]:
    """The jobs by the content of these sections."""
    groups: dict[str, list[DictConfig]] = {}
    for job in jobs:
        settings = resolved(job)
        groups.setdefault(json.dumps([settings.get(s) for s in sections], default=str), []).append(job)
    return list(groups.values())
