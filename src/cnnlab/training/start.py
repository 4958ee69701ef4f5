"""Builds a session from a composed config."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.cli.build import (
    as_yaml,
    build_expectation,
    build_statistics,
    construct,
    gain_of,
)
from cnnlab.cli.parts import Parts
from cnnlab.common.cpu_settings import release_freed_memory
from cnnlab.common.device import choose_device
from cnnlab.common.errors import NotApplicable
from cnnlab.common.random import generator, seed_everything
from cnnlab.datasets.remarks import remarks
from cnnlab.networks.geometry import parameters
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder, Unwritten
from cnnlab.theory import Expectation
from cnnlab.training.from_config import taken_up, trainer_of
from cnnlab.training.observers.diagnosing import Diagnosing
from cnnlab.training.ranks import ALONE, Ranks
from cnnlab.training.remedy_trials import accuracy_with
from cnnlab.training.session import Session, log
from cnnlab.training.setup import Telemetry, device_name, prepare
from cnnlab.views.beginning import print_beginning, run_in_words, waiting_for
from cnnlab.views.outcome import print_outcome

RANK = 2  # key of the random streams of other processes than the first


def train(config: Any, request: Request, folder: Path, pictures: bool, show: bool = True) -> dict[str, Any]:
    """Train as configured, into `folder`; returns the contents of results.json. `show`: also print the outcome."""
    session = trained(config, request, folder, pictures, show)
    if show:
        print_session(session, config, request)
    return session.results


def trained(
    config: Any,
    request: Request,
    folder: Path,
    pictures: bool,
    show: bool = False,
    parts: Parts | None = None,
    began: float | None = None,
    ranks: Ranks = ALONE,
) -> Session:
    """The session that ran. `show`: on a terminal, what it is about to do; the outcome is not printed. `parts`: if the
    check of this config made them. `began`: by `perf_counter`, when the command did."""
    show = show and ranks.rank == 0
    run = Unwritten(folder) if ranks.rank else RunFolder(folder)
    waiting = "Getting ready to measure" if parts else "Reading the images, building the network"
    with opened(config, request, run, ranks) as (run, device), ranks.naming_the_lost():
        run.resumed = ranks.tell(run.resumed)
        with waiting_for(waiting) if show or not ranks.rank else nullcontext():
            session = session_of(config, request, run, device, pictures, parts, ranks)
            session.began = began
        lines = run_in_words(_facts(session), request.choices)
        for heading, sentence in lines.items():
            log.info("%s: %s", heading, sentence)
        if show:
            print_beginning(lines)
        session.run()
    return session


def _facts(session: Session) -> dict[str, Any]:
    data, batches = session.data, session.batches
    return {
        "weights": parameters(session.network),
        "layers": len(session.recorder.probe.layers),
        "data": data.name,
        "images": [len(split) for split in (data.train, data.validation, data.test)],
        "shape": data.shape,
        "classes": len(data.classes),
        "steps": session.steps,
        "steps_per_epoch": len(batches),
        "batch_size": batches.batch_size,
        "device": device_name(session.device, session.ranks.count),
    }


def print_session(session: Session, config: Any, request: Request) -> None:
    """The outcome of a session that ran."""
    told = diagnosis_of(session)
    odd = {"data": remarks(session.data), "init": _of_weights(config, request)}
    print_outcome(session.folder, session.results, told.findings, told.verdict[1], odd)


def _of_weights(config: Any, request: Request) -> list[str]:
    said = gain_of(config, request.choices.get("init"))
    return [said] if said else []


def diagnosis_of(session: Session) -> Diagnosing:
    return next(observer for observer in session.observers if isinstance(observer, Diagnosing))


@contextmanager
def opened(
    config: Any, request: Request, run: RunFolder, ranks: Ranks = ALONE
) -> Iterator[tuple[RunFolder, torch.device]]:
    """The seeded run of a config, as `RunFolder.opened`, and its device."""
    device = choose_device(config.trainer.device)
    seed_everything(config.seed, config.trainer.deterministic)
    chosen = {group: name for group, name in request.choices.items() if "/" not in group}  # but not Hydra's own
    facts = {"seed": config.seed, "choices": chosen, "overrides": dict(request.typed)}
    facts |= {"lines": list(request.lines), "config_dir": request.config_dir, "cwd": request.cwd}
    facts |= {"remarks": _of_weights(config, request)}
    with run.opened(as_yaml(config), device=device.type, device_name=device_name(device, ranks.count), **facts):
        yield run, device


def session_of(
    config: Any,
    request: Request,
    folder: RunFolder,
    device: torch.device,
    pictures: bool,
    parts: Parts | None = None,
    ranks: Ranks = ALONE,
) -> Session:
    """The session of a `python -m cnnlab.train` config. `pictures`: the value of telemetry.pictures=auto. `parts`: if
    they were made already."""
    parts, telemetry = taken_up(config, device, parts), config.telemetry
    for remark in _of_weights(config, request):
        log.info(remark)
    expectation = _expectation(config, parts.network, parts.first) if telemetry.theory and not ranks.rank else None
    if ranks.rank:  # or all would drop the same units of their images
        torch.manual_seed(generator(config.seed, RANK, ranks.rank).initial_seed())
    return prepare(
        folder,
        parts.data,
        trainer_of(config, parts.network, parts.data.shape, device, parts.steps, ranks),
        parts.batches,
        parts.steps,
        telemetry=Telemetry(
            telemetry.every,
            telemetry.early,
            telemetry.images,
            build_statistics(telemetry),
            pictures if telemetry.pictures == "auto" else telemetry.pictures,
        ),
        expectation=expectation,
        evaluation=construct("evaluation", config.evaluation),
        request=request,
        checkpoint_minutes=config.trainer.checkpoint_minutes,
        remedy=partial(accuracy_with, request, parts.data, device, parts.steps),
    )


def _expectation(config: Any, network: nn.Module, batch: Tensor) -> Expectation | None:
    try:
        return build_expectation(config, network, batch)
    except NotApplicable as reason:
        log.info("no theory for this run: %s", reason)
        return None
    finally:
        release_freed_memory()
