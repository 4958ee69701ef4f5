"""Diagnoses the run from what was logged."""

import logging
from collections.abc import Mapping
from typing import Any

from cnnlab.diagnosis import Context, Finding, diagnose, flat, healthy
from cnnlab.telemetry.recorder import Recorder
from cnnlab.telemetry.schedule import log_schedule
from cnnlab.training.observers.observer import Observer
from cnnlab.views.findings import markdown

log = logging.getLogger("cnnlab")


class Diagnosing(Observer):
    """The findings, at some steps on a log scale and at the end: in train.log, in TensorBoard and in the results."""

    def __init__(self, recorder: Recorder, context: Context, steps: int):
        self.recorder, self.context = recorder, context
        self.findings: list[Finding] = []
        self._due = log_schedule(steps) - {steps - 1}  # `results` judges the last step

    @property
    def healthy(self) -> str:
        """The line for a run without findings."""
        return healthy(self.recorder.history, self.context)

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        if step in self._due:
            self._judge(step)

    def results(self, step: int) -> Mapping[str, Any]:
        self._judge(step)
        return flat(self.findings)

    def _judge(self, step: int) -> None:
        self.findings = diagnose(self.recorder.history, self.context)
        for f in self.findings:
            log.warning("step %d: %s: %s Try %s", step, f.name, f.sentence, f.remedy.override)
        self.recorder.dashboard.text("diagnosis", markdown(self.findings, self.healthy), step)
