"""One training run from its config to its run folder: build, fit, test, tell."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from cnnlab.cli.build import (
    build_data,
    build_network,
    build_optimizer,
    build_prediction,
    build_statistics,
    construct,
    plain,
)
from cnnlab.common.device import choose_device
from cnnlab.common.random import seed_everything
from cnnlab.datasets.base import ImageSet, Split
from cnnlab.datasets.batches import Batches
from cnnlab.diagnosis import Context, Finding, diagnose, flat, healthy, markdown
from cnnlab.evaluation.invariance import curves
from cnnlab.networks.filters import filter_results, name_filters
from cnnlab.networks.geometry import measures
from cnnlab.runs import checkpoint
from cnnlab.runs.folder import RunFolder
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.recorder import Schedule, Telemetry
from cnnlab.telemetry.tensorboard import Dashboard
from cnnlab.theory import NotApplicable, Prediction
from cnnlab.training.observers.theory import compare, draw_twins
from cnnlab.training.progress import TrainingProgress
from cnnlab.training.tally import batch_accuracy, cross_entropy
from cnnlab.training.trainer import Trainer, autocast
from cnnlab.views.gallery import Gallery
from cnnlab.views.outcome import show
from cnnlab.views.tiles import log_schedule

log = logging.getLogger("cnnlab")
EVALUATION_BATCH = 512  # images; without gradients four times a training batch fits easily


def train(config: DictConfig) -> dict[str, Any]:
    """Train as `config` says into Hydra's output folder; returns what results.json holds."""
    run = RunFolder(Path(HydraConfig.get().runtime.output_dir))
    device = choose_device(config.trainer.device)
    seed_everything(config.seed, config.trainer.deterministic)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    with run.opened(OmegaConf.to_yaml(config, resolve=True), seed=config.seed, device=device.type, device_name=name):
        session = Session(config, run, device)
        session.run()
    show(run, session.results, session.findings, healthy(session.telemetry.history, session.context))
    return session.results


class Session:
    """The objects of one run and what is done with what they show; the trainer calls it as its observer."""

    def __init__(self, config: DictConfig, run: RunFolder, device: torch.device):
        self.config, self.run_folder, self.device = config, run, device
        self.data: ImageSet = build_data(config.dataset)
        settings = config.trainer
        self.batches = Batches(
            self.data.train,
            self.data.mean,
            self.data.std,
            settings.batch_size,
            device,
            seed=config.seed,
            augment=construct("augmentation", config.augmentation),
            resident=settings.resident,
        )
        self.steps = settings.epochs * len(self.batches) if settings.max_steps is None else settings.max_steps
        self.validation, self.test = self._in_order(self.data.validation), self._in_order(self.data.test)
        first = next(iter(self.batches.epoch(0)))[0]
        self.network = build_network(config, self.data, first.cpu())
        self.prediction = self._predict(first.cpu()) if config.telemetry.theory else None
        self.network.to(device)
        optimizer, scheduler = build_optimizer(config, self.network, self.steps)
        self.trainer = Trainer(
            self.network,
            optimizer,
            scheduler,
            device,
            **{k: settings[k] for k in ("precision", "clip", "label_smoothing", "channels_last", "compile")},
        )
        probe = Probe(self.network, build_statistics(config.telemetry), config.telemetry.images)
        schedule = Schedule(config.telemetry.every, self.steps, config.telemetry.early)
        self.dashboard = Dashboard(run.path)
        self.telemetry = Telemetry(probe, schedule, self.dashboard, run.log)
        self.gallery = self._gallery()
        self.context = self._context()
        self.findings: list[Finding] = []
        self._diagnosed_at = log_schedule(self.steps) - {self.steps - 1}  # the end has a diagnosis of its own
        self.results: dict[str, Any] = {}
        self.best = -1.0
        self.step = 0  # as many as were made
        self._epoch_began = 0

    def run(self) -> None:
        """Fit, test, and write the results."""
        hydra = HydraConfig.get()
        overrides = (override.lstrip("+~").partition("=") for override in hydra.overrides.task)
        typed = {key: value for key, _, value in overrides}
        named = [key for key in typed if key not in hydra.job.config.override_dirname.exclude_keys]
        swept = named if hydra.mode == RunMode.MULTIRUN else []
        config, layers = plain(self.config, resolve=True), bool(self.config.telemetry.statistics)
        theory = layers and self.prediction is not None
        self.dashboard.begin(hydra.runtime.choices, config, typed, swept=swept, layers=layers, theory=theory)
        success = False
        try:
            self.results |= measures(self.network, self.data.shape)
            self.fit()
            self._test()
            self._diagnose(self.step)
            self.results |= flat(self.findings)
            self.run_folder.write_results(self.results)
            success = self.run_folder.status["status"] != "diverged"
        finally:
            self.dashboard.end(success)

    def fit(self) -> None:
        """Train for the steps that the config asks for; the results then know what it took and what it cost."""
        began = perf_counter()
        with TrainingProgress(self.steps) as self.progress:
            clock = self.trainer.fit(self.batches, self.steps, self)
        if self.steps == 0:
            self._note_the_beginning(self._look(0, 0))
            self._save(0, 0, 0.0)
        self.results |= {"train/steps": self.step, "time/training_s": perf_counter() - began}
        self.results |= clock.report(self.gallery.steps if self.gallery is not None else ())
        self.results |= self.telemetry.by_depth("end")

    def due(self, step: int) -> bool:
        return self.telemetry.schedule(step) or (self.gallery is not None and step in self.gallery.steps)

    @contextmanager
    def watch(self, step: int, gradient_scale: Tensor | None = None) -> Iterator[None]:
        with self.telemetry.probe.watch(gradient_scale):
            if self.gallery is None:
                yield
            else:
                with self.gallery.watch(step, gradient_scale):
                    yield

    def measured(self, step: int, epoch: int, loss: Tensor, logits: Tensor, y: Tensor, lr: float) -> bool:
        on_device = {"train/loss": loss, "train/accuracy": batch_accuracy(logits, y)}
        values = self.telemetry.measured(step, epoch, on_device, {"optimizer/lr": lr})
        if step == 0:
            self._note_the_beginning(values)
        elif self.gallery is not None:
            self.gallery.draw(step)
        if step in self._diagnosed_at:
            self._diagnose(step)
        self.progress.says(loss=values["train/loss"], accuracy=values["train/accuracy"])
        return math.isfinite(values["train/loss"])

    def step_done(self, step: int, images: int) -> None:
        self.progress.step(step, images)

    def epoch_done(self, step: int, epoch: int, train: dict[str, float]) -> bool:
        scores = {"train/epoch_loss": train["loss"], "train/epoch_accuracy": train["accuracy"]}
        diverged, self.step = not math.isfinite(train["loss"]), step
        first, self._epoch_began = self._epoch_began + int(train["finite_steps"]), step
        if diverged:
            scores["train/first_nonfinite_step"] = first
            if all(math.isfinite(row.get("train/loss", 0.0)) for row in self.telemetry.history):
                self._look(step, epoch)  # no measured step saw it, and the diagnosis asks which layer
        scores |= _scores("validation", *self.trainer.predict(self.validation.in_order()))
        self.telemetry.record(step, epoch, scores)
        self.results |= scores
        log.info("epoch %d, step %d: %s", epoch, step, ", ".join(f"{k} {v:.4g}" for k, v in scores.items()))
        self._save(step, epoch, scores["validation/accuracy"])
        if diverged:
            self.run_folder.diverged(f"the loss is not finite from step {first} on")
        return not diverged

    def _predict(self, batch: Tensor) -> Prediction | None:
        try:
            return build_prediction(self.config, self.network, batch)
        except NotApplicable as reason:
            log.info("no theory beside this run: %s", reason)
            return None

    def _note_the_beginning(self, measured: dict[str, float]) -> None:
        self.results |= self.telemetry.by_depth("init")
        if self.gallery is not None:
            self.gallery.draw(0)
        if self.prediction is None:
            return
        draw_twins(self.prediction, self.telemetry)
        self.results |= compare(self.prediction, measured, self.dashboard)
        if self.gallery is not None:
            self.gallery.theory(self.prediction, measured, self.run_folder.path / "figures")

    def _test(self) -> None:
        """The test split is looked at here and nowhere else."""
        logits, labels = self.trainer.predict(self.test.in_order())
        scores = _scores("test", logits, labels)
        self.results |= scores
        self.dashboard.scalars(self.step, scores)
        evaluation = construct("evaluation", self.config.evaluation)
        with autocast(
            self.trainer.precision, self.device
        ):  # the number format of test/accuracy, beside which it stands
            self.results |= evaluation(self.network, self.data.test, self.data.mean, self.data.std, EVALUATION_BATCH)
        for tag, step, value in curves(self.results):
            self.dashboard.scalars(step, {tag: value})
        self.results |= filter_results(name_filters(self.network))
        if self.gallery is not None:
            self.gallery.mistakes(self.data.test.images, logits.cpu(), labels.cpu(), self.data.classes, self.step)
            self.results["time/pictures_s"] = self.gallery.seconds

    def _diagnose(self, step: int) -> None:
        """What the logged steps say by now: in train.log, in TensorBoard, and at the end in the terminal."""
        self.findings = diagnose(self.telemetry.history, self.context)
        line = healthy(self.telemetry.history, self.context)
        for finding in self.findings:
            log.warning("step %d: %s: %s Try %s", step, finding.name, finding.sentence, finding.override)
        self.dashboard.text("diagnosis", markdown(self.findings, line), step)

    def _look(self, step: int, epoch: int) -> dict[str, float]:
        """Measure one batch forward and backward, without an update: where no training step was, or none measured."""
        x, y = next(iter(self.batches.epoch(epoch)))
        self.network.train()
        buffers = [(buffer, buffer.clone()) for buffer in self.network.buffers()]
        with self.watch(step):
            loss, logits = self.trainer.loss(x, y, self.network)
            loss.backward()
        self.network.zero_grad()
        for buffer, before in buffers:
            buffer.copy_(before)  # batch norm's running moments, which looking must not move
        on_device = {"train/loss": loss, "train/accuracy": batch_accuracy(logits, y)}
        return self.telemetry.measured(step, epoch, on_device, {})

    def _gallery(self) -> Gallery | None:
        wanted = self.config.telemetry.pictures
        if wanted == "auto":
            wanted = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.RUN
        if not wanted:
            return None
        image, images = next(self.validation.in_order())[0][0], self.config.telemetry.images
        return Gallery(self.network, image, self.steps, self.dashboard, images)

    def _context(self) -> Context:
        """What the diagnosis has to know beside the logged numbers."""
        model, labels = self.config.model, self.data.train.labels
        return Context(
            classes=len(self.data.classes),
            largest_class_share=labels.bincount().max().item() / len(labels),
            learning_rate=self.config.optimizer.lr,
            activation=model.get("activation", "relu"),
            initializer=HydraConfig.get().runtime.choices["init"] if HydraConfig.initialized() else "he",
            optimizer=HydraConfig.get().runtime.choices["optimizer"] if HydraConfig.initialized() else "sgd",
            batch_norm=model.get("norm") == "batch",
            dropout=model.get("dropout", 0.0),
        )

    def _in_order(self, split: Split) -> Batches:
        resident = self.config.trainer.resident
        return Batches(split, self.data.mean, self.data.std, EVALUATION_BATCH, self.device, resident=resident)

    def _save(self, step: int, epoch: int, accuracy: float) -> None:
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.trainer.optimizer.state_dict(),
            "step": step,
            "epoch": epoch,
            "validation/accuracy": accuracy,
            "image_shape": list(self.data.shape),
            "classes": list(self.data.classes),
            "mean": list(self.data.mean),
            "std": list(self.data.std),
        }
        checkpoint.save(self.run_folder.path / "checkpoints" / "last.pt", state)
        if accuracy > self.best:
            self.best = accuracy
            checkpoint.save(self.run_folder.path / "checkpoints" / "best.pt", state)


def _scores(split: str, logits: Tensor, labels: Tensor) -> dict[str, float]:
    values = torch.stack([cross_entropy(logits, labels), batch_accuracy(logits, labels)]).tolist()
    return {f"{split}/loss": values[0], f"{split}/accuracy": values[1]}
