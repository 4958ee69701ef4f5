"""One training run: fit, validate after each epoch, test once."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from time import perf_counter
from typing import Any

from torch import Tensor

from cnnlab.common.stopping import asked, patiently, raise_if_asked, raise_stopped
from cnnlab.datasets.base import ImageSet, facts
from cnnlab.datasets.batches import Batches
from cnnlab.networks.geometry import measures
from cnnlab.runs.run_folder import RunFolder
from cnnlab.telemetry.gains import gains
from cnnlab.telemetry.recorder import Recorder
from cnnlab.training.clock import milliseconds
from cnnlab.training.observers.observer import Observer
from cnnlab.training.progress import TrainingProgress
from cnnlab.training.ranks import Agreed
from cnnlab.training.shares import own, predicted, whole_scores
from cnnlab.training.tally import at_once, gap, probability_error, resolution, scores_of
from cnnlab.training.trainer import Place, Trainer

log = logging.getLogger("cnnlab")
EVALUATION_BATCH = 64  # images at least; else as many as in training, whose memory then suffices


class Session:
    """Trains and notifies `observers`; it is the trainer's only observer.

    `batches`: of the training split. `steps`: number of training steps. Of several processes, only rank 0 writes.
    """

    def __init__(
        self,
        folder: RunFolder,
        data: ImageSet,
        trainer: Trainer,
        batches: Batches,
        steps: int,
        recorder: Recorder,
        observers: Sequence[Observer] = (),
    ):
        self.folder, self.data, self.trainer, self.batches, self.steps = folder, data, trainer, batches, steps
        self.recorder, self.observers = recorder, observers
        self.network, self.device, self.ranks = trainer.network, trainer.device, trainer.ranks
        size = max(batches.batch_size, EVALUATION_BATCH)
        self.validation, self.test = (batches.of(split, size) for split in (data.validation, data.test))
        self.progress = TrainingProgress(steps, batches.batch_size, shown=not self.ranks.rank)
        self.results: dict[str, Any] = {}
        self.place = Place()
        self.seconds = 0.0  # of training, in earlier attempts
        self.began: float | None = None  # by `perf_counter`, when the command did
        self.diverged: str | None = None  # the reason

    def run(self) -> dict[str, Any]:
        """Fit, test, write and return the results."""
        success = False
        try:
            self.results = measures(self.network, self.data.shape) | facts(self.data) | self.results
            self.fit()
            self.folder.write_results(self.results)  # what is measured from here on may be interrupted, or fail
            self._test()
            for observer in self.observers:
                self.results |= observer.results(self.place.step)
            self.folder.write_results(self.results)
            success = self.folder.status["status"] != "diverged"
        finally:
            self.recorder.flush()
            self.recorder.dashboard.end(success)
        return self.results

    def fit(self) -> None:
        """Train; adds steps, times and the final layer statistics to the results."""
        began = perf_counter() - self.seconds
        with self.progress.begun_at(self.place.step), patiently():
            clock = self.trainer.fit(own(self.batches, self.ranks), self.steps, self, self.place)
        raise_if_asked()
        if self.diverged is not None:
            self.folder.diverged(self.diverged)
        if self.steps == 0:
            self._notify(0, self._measure_batch(0, 0))
            scores = self._validate()
            for observer in self.observers:
                observer.epoch_done(0, 0, scores)
                observer.resting(self.place)
        drawn = [step for step in range(self.steps) if any(observer.due(step) for observer in self.observers)]
        self.results |= {
            "train/steps": self.place.step,
            "time/training_s": perf_counter() - began,
            **clock.report(drawn),
        }
        if self.batches.augment and self.place.step:
            self.results |= {"time/augmentation_ms": milliseconds(self.batches.augment_one, self.device)}
        if self.began is not None and clock.stepped is not None:
            self.results |= {"time/start_s": clock.stepped - self.began}  # from the command to its first step
        self.results |= self.recorder.by_depth("end")

    def due(self, step: int) -> bool:
        return self.recorder.schedule(step) or any(observer.due(step) for observer in self.observers)

    @contextmanager
    def watch(self, step: int, gradient_scale: Tensor | None = None) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(self.recorder.probe.watch(gradient_scale))
            for observer in self.observers:
                stack.enter_context(observer.watch(step, gradient_scale))
            yield

    def measured(self, step: int, epoch: int, loss: Tensor, logits: Tensor, y: Tensor, lr: float) -> bool:
        scores = whole_scores(self.ranks, loss, logits, y)
        self._notify(step, self.recorder.measured(step, epoch, scores, {"optimizer/lr": lr}))
        now = {key.removeprefix("train/"): value for key, value in at_once(scores).items()}
        self.progress.describe(**now)
        return math.isfinite(now["loss"])

    def resting(self, place: Place) -> None:
        self.progress.at(place.step)
        self.recorder.rest()
        self.agreed = None
        for observer in self.observers:
            observer.resting(place)
        if number := (self.agreed or self.agree(save=False)).stop:
            raise_stopped(number)

    def agree(self, save: bool) -> Agreed:
        """What the processes agree on while resting, once; `save`: whether this one is to save the run."""
        self.agreed = self.ranks.agree(asked(), save)
        return self.agreed

    def epoch_done(self, step: int, epoch: int, train: dict[str, float]) -> bool:
        scores = {"train/epoch_loss": train["loss"], "train/epoch_accuracy": train["accuracy"]}
        if not math.isfinite(train["loss"]):
            first = step - self.place.within + int(train["finite_steps"])
            scores["train/first_nonfinite_step"] = first
            self.diverged = f"the loss is not finite as of step {first}"
            if all(math.isfinite(row.get("train/loss", 0.0)) for row in self.recorder.history):
                self._measure_batch(step, epoch)  # no measured step saw it, and the diagnosis needs the layer
        scores |= self._validate()
        self.recorder.record(step, epoch, scores)
        self.results |= scores
        log.info("epoch %d, step %d: %s", epoch, step, ", ".join(f"{k} {v:.4g}" for k, v in scores.items()))
        for observer in self.observers:
            observer.epoch_done(step, epoch, scores)
        return self.diverged is None

    def _notify(self, step: int, values: Mapping[str, float]) -> None:
        if step == 0:
            self.results |= (layers := self.recorder.by_depth("init")) | gains(layers, "init")
        for observer in self.observers:
            observer.measured(step, values)

    def _validate(self) -> dict[str, float]:
        found = predicted(self.trainer, self.validation, lambda: self.resting(self.place))  # it changes nothing
        return {} if found is None else scores_of("validation", *found)

    def _test(self) -> None:
        """The only use of the test split."""
        if (found := predicted(self.trainer, self.test)) is None:
            return
        logits, labels = found
        scores = scores_of("test", logits, labels)
        self.results |= scores | resolution(logits, labels) | probability_error(logits) | gap(self.results | scores)
        self.recorder.dashboard.scalars(self.place.step, scores)
        self.folder.write_results(self.results)  # before pictures are drawn
        if self.diverged is None and not math.isfinite(scores["test/loss"]):
            self.folder.diverged("the test loss is not finite")
        for observer in self.observers:
            observer.tested(self.place.step, logits, labels)

    def _measure_batch(self, step: int, epoch: int) -> Mapping[str, float]:
        """Measure one batch forward and backward without an update, where no training step was measured."""
        x, y = next(iter(own(self.batches, self.ranks).epoch(epoch)))
        backward = any(self.recorder.probe.statistics.values())
        loss, logits = self.trainer.passes(x, y, self.watch(step, self.trainer.gradient_scale(step=False)), backward)
        return self.recorder.measured(step, epoch, whole_scores(self.ranks, loss, logits, y), {})
