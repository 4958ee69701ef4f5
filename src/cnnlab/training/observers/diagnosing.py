"""Diagnoses the run from what was logged, and from a closer look where it learned little."""

import logging
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from cnnlab.diagnosis import Context, Finding, diagnose, flat, verdict
from cnnlab.diagnosis.causes.tried import helped, remedies
from cnnlab.diagnosis.evidence import BRIEF, Evidence
from cnnlab.diagnosis.finding import SEEN
from cnnlab.diagnosis.run_history import PATIENCE
from cnnlab.telemetry.recorder import Recorder
from cnnlab.telemetry.schedule import log_schedule
from cnnlab.training.examination import Examination
from cnnlab.training.observers.observer import Observer
from cnnlab.training.tally import never_predicted, scores_of
from cnnlab.views.beginning import waiting_for
from cnnlab.views.findings import markdown

log = logging.getLogger("cnnlab")
REMEDIES = 3  # that are tried at most
LONGER = ("trainer.max_steps", "trainer.epochs")  # more steps, which a brief run does not have


class Diagnosing(Observer):
    """The findings, at some steps on a log scale and at the end: in train.log, in TensorBoard and in the results."""

    def __init__(self, recorder: Recorder, context: Context, steps: int, examination: Examination):
        self.recorder, self.context, self.examination = recorder, context, examination
        self.findings: list[Finding] = []
        self._afterwards: dict[str, float] = {}  # scores and looks after the last step
        self._due = log_schedule(steps) - {steps - 1}  # `results` judges the last step

    @property
    def verdict(self) -> tuple[str, str]:
        """`healthy` or `unknown`, and the line for a run without findings."""
        return verdict(self._history, self.context)

    @property
    def _history(self) -> list[Mapping[str, float]]:
        return [*self.recorder.history, self._afterwards]

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        if step in self._due:
            self._judge(step)

    def tested(self, step: int, logits: Tensor, labels: Tensor) -> None:
        self._afterwards = {"step": step, **scores_of("test", logits, labels), **never_predicted(logits, labels)}

    def results(self, step: int) -> Mapping[str, Any]:
        looks = self._look(step)
        self._judge(step)
        return looks | flat(self.findings, self.verdict[0])

    def _look(self, step: int) -> dict[str, float]:
        """Some seconds for a run that learned little; a moment for one that learned well; nothing for others."""
        run = Evidence.read(self._history, self.context)
        finite = all(record.finite for record in run.records)
        if not step or (step < PATIENCE and finite and not run.overcome):
            return {}
        looks = self.examination.order()
        self._afterwards |= looks
        if finite and run.overcome:
            return looks
        with waiting_for("It learned little: looking for the cause"):
            looks |= self.examination.baseline() | self.examination.likeness() | self.examination.modes()
            looks |= self.examination.updating() | self.examination.weights()
            if not all(record.finite for record in run.records):
                looks |= self.examination.origin()
            self._afterwards |= looks
            found = diagnose(self._history, self.context)
            if any(f.severity != "note" and f.causes[0].points < SEEN for f in found[:1]) or _blames_updates(found):
                looks |= self.examination.trials() | self.examination.exchanges()
                self._afterwards |= looks
                looks |= self._try_remedies(step)
        return looks

    def _try_remedies(self, step: int) -> dict[str, float]:
        """Brief runs with what would be advised first, until one helps."""
        looks = self.examination.remedy("") if step > BRIEF else {}
        for _ in range(REMEDIES):
            self._afterwards |= looks
            run, found = Evidence.read(self._history, self.context), diagnose(self._history, self.context)
            override = _untried(run, found)
            outcome = {} if override is None else self.examination.remedy(override)
            if not outcome:
                break
            looks |= outcome
        self._afterwards |= looks
        return looks

    def _judge(self, step: int) -> None:
        self.findings = diagnose(self._history, self.context)
        for f in self.findings:
            log.warning("step %d: %s: %s Try %s", step, f.name, f.sentence, f.remedy.override)
        self.recorder.dashboard.text("diagnosis", markdown(self.findings, self.verdict[1]), step)


def _untried(run: Evidence, findings: list[Finding]) -> str | None:
    """The likeliest remedy of the first finding that can be typed and was not tried; None if one helped."""
    first = next((finding for finding in findings if finding.severity != "note"), None)
    for remedy in [cause.remedy for cause in first.causes] if first else []:
        if helped(run, remedy.override):
            return None
        if remedy.typeable and remedy.setting not in LONGER and remedy.override not in remedies(run):
            return remedy.override
    return None


def _blames_updates(findings: list[Finding]) -> bool:
    return any(finding.remedy.setting.startswith("optimizer") for finding in findings if finding.severity != "note")
