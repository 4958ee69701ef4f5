"""Possible causes of what the rules find: each a function of the evidence that returns a `Cause` with its clues, or
None where nothing speaks for it. Listed in each module's CAUSES.

images and labels          images_seen.py, labelling.py     network        outputs.py, architecture.py
weights at the start       starting_weights.py              optimizer      step_size.py, optimization.py
"""

from collections.abc import Callable

from cnnlab.diagnosis.causes import (
    architecture,
    images_seen,
    labelling,
    optimization,
    outputs,
    starting_weights,
    step_size,
)
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import Cause

CAUSES: tuple[Callable[[Evidence], Cause | None], ...] = (
    *images_seen.CAUSES,
    *labelling.CAUSES,
    *outputs.CAUSES,
    *architecture.CAUSES,
    *starting_weights.CAUSES,
    *optimization.CAUSES,
    *step_size.CAUSES,
)


def causes(run: Evidence) -> list[Cause]:
    """All that something speaks for, the likeliest first."""
    found = [cause for suspect in CAUSES if (cause := suspect(run)) is not None and cause.supporting]
    return sorted((cause for cause in found if cause.points > 0), key=lambda cause: -cause.points)
