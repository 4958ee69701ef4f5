"""What brief runs with a cause's remedy say of the cause: the run's own settings, and that one change."""

import math
from dataclasses import replace

from cnnlab.common.words import percent
from cnnlab.diagnosis.causes.exchanges import HALF, help_at_least, own_accuracy
from cnnlab.diagnosis.evidence import BRIEF, Evidence
from cnnlab.diagnosis.finding import Cause, Clue
from cnnlab.diagnosis.remedies import Remedy

HELPED, FAILED = 6, -6


def judged(run: Evidence, cause: Cause) -> Cause:
    """With what came of its remedy, if that was tried."""
    override = cause.remedy.override
    if math.isnan(gain := gained(run, override)):
        return cause
    steps, was = min(run.steps, BRIEF), run.latest("check/as_it_was")
    before = f"where the run reaches {percent(own_accuracy(run))}" if math.isnan(was) else f"without it {percent(was)}"
    reached = f"{percent(remedies(run)[override])} {run.on('validation')}, {before}"
    if helped(run, override):
        clue = Clue(HELPED, f"tried: {steps} steps with {override} reach {reached}", direct=False)
    elif gain < HALF * help_at_least(run):
        clue = Clue(FAILED, f"tried: {steps} steps with {override} reach only {reached}", direct=False)
    else:
        return cause
    return replace(cause, clues=(*cause.clues, clue))


def remedies(run: Evidence) -> dict[str, float]:
    """Accuracies of brief runs, each with one override more."""
    return {override: reached for m in run.records for override, reached in m.of("check/remedy").items()}


def gained(run: Evidence, override: str) -> float:
    """By that brief run, over the run, or over as brief a run as it was; NaN if it was not tried."""
    before = run.latest("check/as_it_was")
    return remedies(run).get(override, math.nan) - (own_accuracy(run) if math.isnan(before) else before)


def helped(run: Evidence, override: str) -> bool:
    return gained(run, override) >= help_at_least(run)


def instead(run: Evidence, cause: Cause, others: list[Cause]) -> Cause:
    """With a remedy of `others` that helped, where its own did not."""
    own = cause.remedy.override
    if math.isnan(gained(run, own)) or helped(run, own):
        return cause
    found: list[Remedy] = [each.remedy for each in others if helped(run, each.remedy.override)]
    return replace(cause, remedy=found[0]) if found else cause
