"""Possible causes of what the rules find: each a function of the evidence that returns a `Cause` with its clues, or
None where nothing speaks for it. Listed in each module's CAUSES, and here by the part of a run that they are in.

images and labels          images_seen.py, labelling.py     network        outputs.py, architecture.py
weights at the start       starting_weights.py              training       step_size.py, optimization.py, updating.py,
any part                   exchanges.py                                    number_format.py
"""

from collections.abc import Callable, Mapping

from cnnlab.diagnosis.causes import (
    architecture,
    exchanges,
    images_seen,
    labelling,
    number_format,
    optimization,
    outputs,
    starting_weights,
    step_size,
    tried,
    updating,
)
from cnnlab.diagnosis.causes.exchanges import Part
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import Cause

Suspect = Callable[[Evidence], Cause | None]
# Exchanging the optimizer or the weights says nothing of those in "": images in another scale can often be made up for
# by either. So can deep networks and activations, and where neither helps it speaks for them.
PARTS: Mapping[Part, tuple[Suspect, ...]] = {
    "network": (*outputs.CAUSES, *architecture.CAUSES),
    "structure": architecture.STRUCTURE,
    "weights": starting_weights.CAUSES,
    "training": (
        *updating.CAUSES,
        *optimization.CAUSES,
        *number_format.CAUSES,
        *step_size.CAUSES,
        architecture.dropped,
    ),
    "": (*images_seen.CAUSES, *labelling.CAUSES, *architecture.ANY_PART, *exchanges.CAUSES),
}


def causes(run: Evidence) -> list[Cause]:
    """All that something speaks for, the likeliest first."""
    found = [
        tried.judged(run, exchanges.judged(run, part, cause))
        for part, suspects in PARTS.items()
        for suspect in suspects
        if (cause := suspect(run)) is not None and cause.supporting
    ]
    return sorted((cause for cause in found if cause.points > 0), key=lambda cause: cause.rank, reverse=True)
