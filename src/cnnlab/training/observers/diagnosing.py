"""Diagnoses the run from what was logged."""

import logging
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from cnnlab.diagnosis import Context, Finding, diagnose, flat, healthy
from cnnlab.telemetry.recorder import Recorder
from cnnlab.telemetry.schedule import log_schedule
from cnnlab.training.observers.observer import Observer
from cnnlab.training.tally import scores_of
from cnnlab.views.findings import markdown

log = logging.getLogger("cnnlab")


class Diagnosing(Observer):
    """The findings, at some steps on a log scale and at the end: in train.log, in TensorBoard and in the results."""

    def __init__(self, recorder: Recorder, context: Context, steps: int):
        self.recorder, self.context = recorder, context
        self.findings: list[Finding] = []
        self._tested: list[Mapping[str, float]] = []
        self._due = log_schedule(steps) - {steps - 1}  # `results` judges the last step

    @property
    def healthy(self) -> str:
        """The line for a run without findings."""
        return healthy(self._history, self.context)

    @property
    def _history(self) -> list[Mapping[str, float]]:
        return [*self.recorder.history, *self._tested]

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        if step in self._due:
            self._judge(step)

    def tested(self, step: int, logits: Tensor, labels: Tensor) -> None:
        self._tested = [{"step": step, **scores_of("test", logits, labels)}]

    def results(self, step: int) -> Mapping[str, Any]:
        self._judge(step)
        return flat(self.findings)

    def _judge(self, step: int) -> None:
        self.findings = diagnose(self._history, self.context)
        for f in self.findings:
            log.warning("step %d: %s: %s Try %s", step, f.name, f.sentence, f.remedy.override)
        self.recorder.dashboard.text("diagnosis", markdown(self.findings, self.healthy), step)
