"""What brief runs with a cause's remedy say of the cause: the run's own settings, and that one change."""

import math
from dataclasses import replace

from cnnlab.common.words import percent
from cnnlab.diagnosis.evidence import BRIEF, Evidence
from cnnlab.diagnosis.finding import Cause, Clue
from cnnlab.diagnosis.remedies import Remedy

HELPED, FAILED = 6, -6
HALF = 0.5  # of what counts as help: none


def judged(run: Evidence, cause: Cause) -> Cause:
    """With what came of its remedy, if that was tried."""
    override = cause.remedy.override
    if math.isnan(gained := run.gained(override)):
        return cause
    steps, was = min(run.steps, BRIEF), run.latest("check/as_it_was")
    before = f"where the run reaches {percent(run.own)}" if math.isnan(was) else f"without it {percent(was)}"
    reached = f"{percent(run.remedies[override])} {run.on('validation')}, {before}"
    if helped(run, override):
        clue = Clue(HELPED, f"tried: {steps} steps with {override} reach {reached}", direct=False)
    elif gained < HALF * run.much:
        clue = Clue(FAILED, f"tried: {steps} steps with {override} reach only {reached}", direct=False)
    else:
        return cause
    return replace(cause, clues=(*cause.clues, clue))


def helped(run: Evidence, override: str) -> bool:
    return run.gained(override) >= run.much


def instead(run: Evidence, cause: Cause, others: list[Cause]) -> Cause:
    """With a remedy of `others` that helped, where its own did not."""
    own = cause.remedy.override
    if math.isnan(run.gained(own)) or helped(run, own):
        return cause
    found: list[Remedy] = [each.remedy for each in others if helped(run, each.remedy.override)]
    return replace(cause, remedy=found[0]) if found else cause
