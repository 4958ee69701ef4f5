"""Which part of a run is at fault, by exchanging one part for a usual one, and causes that are no more than that.

A run that learned little was tried again, briefly: as it was, with AdamW and nothing in the way, with weights drawn
anew, with both. What then learns tells where the fault lies, whatever it is: it speaks for causes in that part, and
against others.
"""

from dataclasses import replace
from typing import Literal

from cnnlab.common.words import percent
from cnnlab.diagnosis import remedies
from cnnlab.diagnosis.evidence import BRIEF, LITTLE, Evidence
from cnnlab.diagnosis.finding import LEARNING, SEEN, SIGNALS, Cause, Clue
from cnnlab.diagnosis.remedies import Remedy
from cnnlab.diagnosis.run_history import PATIENCE

Part = Literal["training", "weights", "network", "structure", ""]
# Points for a part that was exchanged and then learned, and for one that is left over; against the other parts.
SHOWN, LEFT_OVER, AGAINST = 6, 4, -4
HALF = 0.5  # of what helps: no help
LOW = 0.5  # of what a linear classifier makes above guessing
SHARE = 1 / 3  # of the way from the run's accuracy to that of a linear classifier
LEARNS = 0.25  # of the way from guessing to 1, on one batch
LONGER = 4  # times as many steps
EVERYTHING = LEARNING | SIGNALS | {"symmetry", "dead_units", "large_updates", "small_updates"}


def own_accuracy(run: Evidence) -> float:
    """On validation images, at least that of guessing, which everything is better than after NaN."""
    return max(run.latest("validation/accuracy"), run.context.guessing or 0.0)


def help_at_least(run: Evidence) -> float:
    """What a trial adds to that at least: more than luck, and than little of what a linear classifier makes of it."""
    own, baseline = own_accuracy(run), run.latest("check/baseline")
    return max(LITTLE, 3 * run.scatter("validation"), SHARE * (baseline - own) if baseline > own else 0.0)


def at_fault(run: Evidence) -> tuple[Part, str]:
    """The part, and how it was shown; empty where nothing or more than one thing follows from the trials."""
    reached, baseline, again = map(run.latest, ("validation/accuracy", "check/baseline", "check/again"))
    training, weights, both = (run.latest(f"check/usual_{part}") for part in ("training", "weights", "both"))
    own, much = own_accuracy(run), help_at_least(run)
    by_training, by_weights, by_both = (accuracy - own for accuracy in (training, weights, both))
    instead = f"where the run reaches {percent(reached)} {run.on('validation')}"
    if again - own >= much:
        return "training", f"100 steps as in the run, at its highest learning rate, reach {percent(again)}, {instead}"
    if by_training >= much and by_weights < HALF * by_training:
        return "training", (
            f"from the same weights, 100 steps with AdamW and nothing in the way reach {percent(training)}, {instead}"
        )
    if by_weights >= much and by_training < HALF * by_weights:
        return "weights", f"from weights drawn anew, 100 steps as in the run reach {percent(weights)}, {instead}"
    low = run.skill(own) < LOW * run.skill(baseline)  # in 100 steps nothing reaches what is better than that
    nothing = all(gained < HALF * much for gained in (by_training, by_weights, by_both))
    if nothing and low and baseline - own >= much and not _slowly(run):
        return "network", (
            f"neither AdamW nor weights drawn anew help, and a linear classifier reaches {percent(baseline)}, {instead}"
        )
    return "", ""


def _slowly(run: Evidence) -> bool:
    """Whether the run learned something, and with nothing in the way one batch was being learned when the trial ended:
    then what other trials of so few steps do not reach shows nothing, either."""
    some = run.skill(run.recent("train/accuracy")) >= LITTLE
    return some and run.latest("check/reference_unfinished") == 1 and run.skill(run.latest("check/reference")) >= LEARNS


def judged(run: Evidence, part: Part, cause: Cause) -> Cause:
    """With what the exchanges say of a cause in this part. They never overrule what was seen directly."""
    found, shown = at_fault(run)
    if not found or not part or cause.seen >= SEEN:
        return cause
    if part == "structure":  # which usual weights or another optimizer can often make up for
        if found != "network":
            return cause
        part = "network"
    points = AGAINST if part != found else LEFT_OVER if found == "network" else SHOWN
    return replace(cause, clues=(*cause.clues, Clue(points, shown, direct=False)))


def training(run: Evidence) -> Cause | None:
    found, shown = at_fault(run)
    if found != "training":
        return None
    clause = "something in optimizer, schedule, regularization or number format keeps the network from learning"
    remedy = Remedy("optimizer", "adamw")
    if (run.context.optimizer or "").lower() == "adamw":
        remedy = Remedy(look="leave out what the training has beside AdamW, one at a time")
    clue = Clue(SHOWN, shown, direct=False)
    return Cause("training_unsuitable", clause, remedy, (clue,), EVERYTHING)


def weights(run: Evidence) -> Cause | None:
    found, shown = at_fault(run)
    if found != "weights":
        return None
    clause = "the initial weights keep the network from learning"
    remedy = Remedy("init", "lsuv") if remedies.keeps(run.context) else remedies.initializer(run.context)
    return Cause("weights_unsuitable", clause, remedy, (Clue(SHOWN, shown, direct=False),), EVERYTHING)


def network(run: Evidence) -> Cause | None:
    found, shown = at_fault(run)
    if found != "network":
        return None
    clause = "the network itself, how its layers are put together, keeps it from learning"
    remedy = Remedy(look="follow an image through forward(), layer by layer: what is lost, mixed up or made equal?")
    if (run.context.settings or {}).get("model.kernel_size") == 1:  # which sees no shapes
        remedy = Remedy("model.kernel_size", 3)
    return Cause("network_unsuitable", clause, remedy, (Clue(LEFT_OVER, shown, direct=False),), EVERYTHING)


def slow(run: Evidence) -> Cause | None:
    if run.steps < PATIENCE or not _slowly(run):  # fewer steps are too few in any case
        return None
    learned = percent(run.latest("check/reference"))
    clue = Clue(
        LEFT_OVER,
        f"a brief trial with AdamW and nothing in the way reached {learned} on one batch, and was still learning",
        direct=False,
    )
    remedy = Remedy("trainer.max_steps", max(BRIEF, LONGER * run.steps))
    return Cause("too_few_steps", "the network learns slowly, and its steps were too few", remedy, (clue,))


CAUSES = (training, weights, network, slow)
