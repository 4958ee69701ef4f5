"""One training run: fit, validate after each epoch, test once."""

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, islice, repeat
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from cnnlab.common.stopping import Stopped, asked, patiently, raise_if_asked
from cnnlab.datasets.base import ImageSet, facts
from cnnlab.datasets.batches import Batches
from cnnlab.networks.geometry import measures
from cnnlab.runs.run_folder import RunFolder
from cnnlab.telemetry.gains import gains
from cnnlab.telemetry.recorder import Recorder
from cnnlab.training.observers.observer import Observer
from cnnlab.training.progress import TrainingProgress
from cnnlab.training.ranks import Agreed, mean
from cnnlab.training.tally import batch_scores, gap, probability_error, resolution, scores_of
from cnnlab.training.trainer import Batch, Place, Trainer

log = logging.getLogger("cnnlab")
EVALUATION_BATCH = 512  # images; larger than a training batch, since no gradients are stored


class Session:
    """Trains and notifies `observers`; it is the trainer's only observer.

    `batches`: of the training split. `steps`: number of training steps. Where the trainer is one of several processes,
    each has a session; they are the same, up to the folder and the observers, which write in rank 0 alone.
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
        self.validation, self.test = (batches.of(split, EVALUATION_BATCH) for split in (data.validation, data.test))
        self.progress = TrainingProgress(steps, batches.batch_size, shown=not self.ranks.rank)
        self.agreed = Agreed(0, False)
        self.results: dict[str, Any] = {}
        self.place = Place()
        self.seconds = 0.0  # of training, in earlier attempts
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
            self.recorder.dashboard.end(success)
        return self.results

    def fit(self) -> None:
        """Train; adds steps, times and the final layer statistics to the results."""
        began = perf_counter() - self.seconds
        with self.progress.begun_at(self.place.step), patiently():
            clock = self.trainer.fit(self._own(self.batches), self.steps, self, self.place)
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
        scores = mean(self.ranks, batch_scores(loss, logits, y))
        values = self.recorder.measured(step, epoch, scores, {"optimizer/lr": lr})
        self._notify(step, values)
        self.progress.describe(loss=values["train/loss"], accuracy=values["train/accuracy"])
        return math.isfinite(values["train/loss"])

    def resting(self, place: Place) -> None:
        self.progress.at(place.step)
        self.agreed = self.ranks.agree(asked(), any([observer.wants_rest() for observer in self.observers]))
        for observer in self.observers:
            observer.resting(place)
        if self.agreed.stop:
            raise_if_asked()
            raise Stopped(self.agreed.stop)  # another process was asked

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
        found = self._predicted(self.validation, self._rested)
        return {} if found is None else scores_of("validation", *found)

    def _rested(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """An epoch's validation changes nothing, so that the run can be taken up from before it."""
        most = -(-len(self.validation.labels) // (EVALUATION_BATCH * self.ranks.count))  # that any process has
        for batch in islice(chain(batches, repeat(None)), most):
            self.resting(self.place)
            if batch is not None:
                yield batch

    def _predicted(
        self, split: Batches, through: Callable[[Iterable[Batch]], Iterable[Batch]] = lambda batches: batches
    ) -> Batch | None:
        """Logits and labels of all images, of which each process predicts some batches; None but in rank 0."""
        own = self.trainer.predict(through(self._own(split).in_order()))
        if self.ranks.count == 1:
            return own
        parts = self.ranks.collect(tuple(part.cpu() for part in own))
        if parts is None:
            return None
        logits, labels = zip(*(part for part in parts if len(part[1])), strict=True)
        return torch.cat(logits).to(self.device), torch.cat(labels).to(self.device)

    def _own(self, batches: Batches) -> Batches:
        return batches.shared(self.ranks.rank, self.ranks.count)

    def _test(self) -> None:
        """The only use of the test split."""
        found = self._predicted(self.test)
        if found is None:
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

    def _measure_batch(self, step: int, epoch: int) -> dict[str, float]:
        """Measure one batch forward and backward without an update, where no training step was measured."""
        x, y = next(iter(self._own(self.batches).epoch(epoch)))
        backward = any(self.recorder.probe.statistics.values())
        loss, logits = self.trainer.passes(x, y, self.watch(step, self.trainer.gradient_scale(step=False)), backward)
        return self.recorder.measured(step, epoch, mean(self.ranks, batch_scores(loss, logits, y)), {})
