"""Assembles a session with its observers from network, data and optimizer; `fit` runs one."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cnnlab.common.checks import as_whole, check_rules
from cnnlab.common.device import choose_device
from cnnlab.common.errors import InputError
from cnnlab.common.limits import LIMITS
from cnnlab.common.words import plural
from cnnlab.datasets.base import ImageSet, broken_share, distinct_share, image_set
from cnnlab.datasets.batches import Batches
from cnnlab.datasets.remarks import remarks
from cnnlab.diagnosis import Context
from cnnlab.networks.dry_run import check_forward
from cnnlab.networks.foreign import materialize
from cnnlab.networks.layers import check_open, weight_layers, weight_of
from cnnlab.networks.memory_layout import choose_channels_last
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.trace import trace
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder
from cnnlab.telemetry.inspection import context_of
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.recorder import Recorder
from cnnlab.telemetry.schedule import Schedule
from cnnlab.telemetry.statistics import STATISTICS, Statistics
from cnnlab.telemetry.tensorboard import Dashboard, Unseen
from cnnlab.theory import Expectation
from cnnlab.training.examination import Examination, RemedyTrial
from cnnlab.training.observers.afterwards import Afterwards, Evaluation
from cnnlab.training.observers.beside import Beside
from cnnlab.training.observers.checkpoints import Checkpoints
from cnnlab.training.observers.diagnosing import Diagnosing
from cnnlab.training.observers.observer import Observer
from cnnlab.training.observers.theory_beside import TheoryBeside
from cnnlab.training.schedules import constant
from cnnlab.training.session import Session, log
from cnnlab.training.trainer import Trainer


@dataclass(frozen=True)
class Telemetry:
    """As in `configs/telemetry`: measure every `every`-th step and, with `early`, steps 0, 1, 2, 4, 8, ..., on the
    first `images` images of a batch (None: all). `pictures`: also draw."""

    every: int = 100
    early: bool = True
    images: int | None = 16
    statistics: Statistics = field(default_factory=lambda: STATISTICS)
    pictures: bool = False


LIGHT, PLAIN_PYTHON = Telemetry(), Request()
CHECKPOINT_MINUTES = 5.0


def prepare(
    folder: RunFolder,
    data: ImageSet,
    trainer: Trainer,
    batches: Batches,
    steps: int,
    *,
    telemetry: Telemetry = LIGHT,
    expectation: Expectation | None = None,
    evaluation: Evaluation | None = None,
    request: Request = PLAIN_PYTHON,
    checkpoint_minutes: float | None = CHECKPOINT_MINUTES,
    remedy: RemedyTrial | None = None,
) -> Session:
    """A session that records, draws, diagnoses and saves into `folder`; from where it was stopped, if `folder` is
    resumed. `expectation`: theory for the network as initialized, drawn beside the measurement. `request`: config
    choices and overrides, for HPARAMS and diagnosis. `checkpoint_minutes`: between two checkpoints within an epoch.
    `remedy`: tries the diagnosis' advice, where the run can be composed once more."""
    folder.planned(steps)
    for remark in remarks(data):
        log.warning(remark)
    network, ranks = trainer.network, trainer.ranks
    dashboard = Unseen() if ranks.rank else Dashboard(folder.path)
    probe = Probe(network, telemetry.statistics, telemetry.images, ranks.rows, own_loop=False)
    recorder = Recorder(probe, Schedule(telemetry.every, steps, telemetry.early), dashboard, folder.log)
    session = Session(folder, data, trainer, batches, steps, recorder)
    checkpoints = Checkpoints(session, checkpoint_minutes)
    if ranks.rank:
        session.observers = [
            *([Beside(network, steps, telemetry.images, ranks)] if telemetry.pictures else []),
            checkpoints,
        ]
        return _taken_up(session, checkpoints)
    observers: list[Observer] = []
    context = _context(trainer, data, batches, steps, request)
    gallery = None
    if telemetry.pictures:
        # Imported lazily: runs of a sweep, which draw nothing, need no matplotlib.
        from cnnlab.training.observers.drawing import Drawing
        from cnnlab.views.gallery import Gallery

        image = next(session.validation.in_order())[0][0]
        gallery = Gallery(network, image, steps, dashboard, telemetry.images, ranks.rows)
        observers.append(Drawing(gallery, data, recorder, folder.path / "figures"))
    if expectation is not None:
        known = {"model": request.choices.get("model"), "init": context.initializer, "activation": context.activation}
        observers.append(TheoryBeside(expectation, recorder, gallery, folder.path, known, alone=not request.swept))
    observers.append(Afterwards(trainer, data, dashboard, evaluation))
    observers.append(checkpoints)
    examination = Examination(trainer, data, batches, remedy)
    observers.append(Diagnosing(recorder, context, steps, examination))
    session.observers = observers
    layers = any(telemetry.statistics.values())
    dashboard.begin(request, layers=layers, theory=layers and expectation is not None)
    return _taken_up(session, checkpoints)


def _taken_up(session: Session, checkpoints: Checkpoints) -> Session:
    if session.folder.resumed:
        checkpoints.take_up()
        session.folder.goes_on()
        log.info("taken up at step %d", session.place.step)
    return session


def fit(
    network: nn.Module,
    data: ImageSet,
    optimizer: Optimizer,
    folder: str | Path,
    *,
    steps: int,
    batch_size: int = 64,
    scheduler: LRScheduler | Callable[[Optimizer, int], LRScheduler] = constant,
    augment: Callable[..., Any] | None = None,
    device: str = "auto",
    seed: int = 0,
    telemetry: Telemetry = LIGHT,
    expectation: Expectation | None = None,
    evaluation: Evaluation | None = None,
    resident: bool | Literal["auto"] = "auto",
    channels_last: bool | Literal["auto"] = "auto",
    **numbers: Any,
) -> dict[str, Any]:
    """Train an initialized `network` on `data` into a run folder, as `python -m cnnlab.train` does, without Hydra.

    Returns the contents of results.json: test/accuracy, per-layer values at step 0 and at the end, the diagnosis.
    `scheduler`: one of torch's, of this optimizer, or a function of the optimizer and the number of steps, as in
    `cnnlab.training.schedules`; it moves at every step. `augment`: an `Augmentation`, one of torchvision's transforms,
    or a function of uint8 images (N, C, H, W) and a generator. `seed`: of the image order. `numbers`: precision, clip,
    label_smoothing, compile, as in `configs/trainer`.
    Raises InputError for these, and if `folder` already holds a run.
    """
    steps, seed = as_whole("steps", steps, 0), as_whole("seed", seed, 0)
    batch_size = as_whole("batch_size", batch_size, 1)
    data = image_set("data", data)
    settings = {f"trainer.{k}": v for k, v in {"resident": resident, "channels_last": channels_last, **numbers}.items()}
    check_rules({k: _plain(settings[k]) for k in settings}, {k: LIMITS[k] for k in settings if k in LIMITS})
    check_open(network)
    schedule = _schedule(optimizer, scheduler, steps)
    place = choose_device(device)
    _try(network, data, batch_size, place)
    run = RunFolder(Path(folder))
    materialize(network, data.shape).to(place)
    batches = Batches(data.train, data.mean, data.std, batch_size, place, seed, augment, resident)
    channels_last = choose_channels_last(channels_last, network, data.shape, place)
    trainer = Trainer(network, optimizer, schedule, place, channels_last=channels_last, **numbers)
    with run.opened(None, seed=seed, device=place.type, device_name=device_name(place)):
        session = prepare(
            run, data, trainer, batches, steps, telemetry=telemetry, expectation=expectation, evaluation=evaluation
        )
        return session.run()


def _try(network: nn.Module, data: ImageSet, batch_size: int, place: torch.device) -> None:
    """Raises InputError unless a copy, where there can be one, takes the images and gives logits."""
    try:
        copy = deepcopy(network).to(place)
    except Exception:  # somebody else's network, which can raise anything here
        return
    check_forward(copy, data.shape, len(data.classes), min(2, len(data.train), batch_size), place)


def _schedule(optimizer: Any, scheduler: Any, steps: int) -> LRScheduler:
    """Raises InputError for what is none, or no optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise InputError(
            f"The optimizer is of type {type(optimizer).__name__}; one of torch's is needed.\n"
            "Write torch.optim.SGD(network.parameters(), lr=0.02, momentum=0.9)."
        )
    made = scheduler(optimizer, steps) if callable(scheduler) else scheduler
    if not isinstance(made, LRScheduler):
        raise InputError(
            f"The schedule is of type {type(made).__name__}; an LRScheduler is needed, or a function that makes one.\n"
            "Write scheduler=cnnlab.training.schedules.one_cycle, or torch.optim.lr_scheduler.StepLR(optimizer, 100)."
        )
    return made


def _plain(value: Any) -> Any:
    """One of numpy's numbers as Python's."""
    return value.item() if hasattr(value, "item") else value


def device_name(device: torch.device, processes: int = 1) -> str:
    """For run.json: the GPU's name, or the device type and number of threads."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        return name if processes == 1 else f"{processes} x {name}"
    threads = plural(torch.get_num_threads(), "thread")
    return (
        f"{device.type}, {threads}" if processes == 1 else f"{device.type}, {processes} processes with {threads} each"
    )


def _context(trainer: Trainer, data: ImageSet, batches: Batches, steps: int, request: Request) -> Context:
    """The setup that the diagnosis needs in addition to the logged numbers."""
    labels, chosen, config = data.train.labels, request.choices, request.config
    traced = trace(trainer.network, data.shape)
    counts = labels.bincount(minlength=len(data.classes))
    found = replace(
        context_of(
            trainer.network, trainer.optimizer, len(data.classes), functions=[call.module for call in traced.calls]
        ),
        class_images=dict(zip(data.classes, counts.tolist(), strict=True)),
        largest_class_share=counts.max().item() / len(labels),
        largest_test_share=data.test.labels.bincount().max().item() / len(data.test) if len(data.test) else None,
        absent_classes=int((counts == 0).sum()),
        images=len(labels),
        validation_images=len(data.validation),
        test_images=len(data.test),
        one_class=tuple(
            k for k, s in (("validation", data.validation), ("test", data.test)) if s.labels.unique().numel() == 1
        ),
        copied=dict(zip(("validation", "test"), data.equal.learned, strict=True)),
        several_labels=data.equal.several_labels(0, 1).total(),
        ceiling=data.equal.ceiling,
        distinct_images=distinct_share(data.train.images),
        broken_images=broken_share(data.train.images),
        augmented=batches.augment is not None,
        augmentation=chosen.get("augmentation"),
        batch_size=batches.batch_size,
        steps_per_epoch=len(batches),
        planned_steps=steps,
        initializer=chosen.get("init"),
        bias=_bias(config),
        narrowest=traced.narrowest(),
        broken=_broken(trainer.network),
        clip=trainer.clip,
        label_smoothing=trainer.label_smoothing,
        settings={f"{section}.{key}": value for section, keys in config.items() for key, value in _items(keys)},
    )
    if "optimizer" in chosen:
        found = replace(found, optimizer=chosen["optimizer"])
    asked = _activation(config)
    return found if asked is None else replace(found, activation=asked, suited=ACTIVATIONS[asked].initializer)


def _broken(network: nn.Module) -> tuple[str, ...]:
    weights = {layer: weight_of(module) for layer, module in weight_layers(network).items()}
    return tuple(layer for layer, w in weights.items() if w is not None and not w.isfinite().all())


def _items(section: Any) -> Iterable[tuple[str, Any]]:
    """Of a section; choices of a whole section, as `init`, need none."""
    return section.items() if isinstance(section, Mapping) else ()


def _bias(config: Mapping[str, Any]) -> float | None:
    value = config.get("init", {}).get("bias")
    return float(value) if isinstance(value, (int, float)) else None


def _activation(config: Mapping[str, Any]) -> str | None:
    """The setting, since the modules of a linear network do not show it."""
    name = config.get("model", {}).get("activation")
    return name if name in ACTIVATIONS else None
