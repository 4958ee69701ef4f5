"""The learning rate as a cause: too large or too small, from its size, the updates, the loss and a range test."""

import math
from statistics import median

from cnnlab.common.words import number, percent
from cnnlab.diagnosis import remedies
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import LEARNING, Cause, Clue
from cnnlab.diagnosis.learning import full_updates, too_large_at
from cnnlab.diagnosis.nonfinite import sudden
from cnnlab.diagnosis.run_history import PATIENCE
from cnnlab.diagnosis.signal import dead_layers, forward_size

# Usual peaks by family of optimizers; beyond three times as much or as little there are few good runs.
ADAPTIVE, PLAIN = (1e-4, 1e-2), (2e-3, 0.5)
ADAGRAD = (2e-3, 0.2)  # its steps shrink with their number
ADADELTA = (0.1, 3.0)  # its updates begin at the root of eps, and grow
EPSILON_SMALL = 1e-8
# A healthy run's largest updates, median over layers, are 3e-3 to 0.1 of the weights.
UPDATE_LITTLE = 1e-3
MULTIPLIED = 2.0  # a loss of several parts, or weighted by class, is about as large as one
EXPLAINED = LEARNING | {"large_updates", "non_finite", "dead_units", "saturation", "collapsed"} | {
    "exploding_forward", "vanishing_forward", "exploding_backward", "vanishing_backward"
}  # fmt: skip


def too_large(run: Evidence) -> Cause | None:
    lr, clues = run.peak_rate, []
    low, high = usual(run)
    if lr is not None and high is not None and lr > 2 * high:
        clues.append(Clue(5 if lr >= 10 * high else 3, f"{lr:g} is more than the usual {low:g} to {high:g}"))
    if (full := full_updates(run)) and too_large_at(full):
        clues.append(Clue(4, f"at the full rate an update is {percent(median(full))} of the weights' size"))
    early = [m.loss for m in run.records if m.loss is not None and m.step <= 0.2 * max(run.steps, 20)]
    if early and max(early) > 2 * early[0]:
        clues.append(Clue(3, f"the loss soon rises from {number(early[0])} to {number(max(early))}"))
    if run.first is not None and run.last is not None:
        healthy_start = not dead_layers(run.first) and not forward_size(run.first, start=True)
        if not healthy_start:
            clues.append(Clue(-6, "layers were dead, or too small or large, before the first update"))
        if healthy_start and dead_layers(run.last):
            clues.append(Clue(2, "layers died during training"))
        if sudden(run):
            clues.append(Clue(-6, "before values became infinite or NaN, they and the updates were of usual size"))
        elif healthy_start and not all(m.finite for m in run.records):
            clues.append(Clue(4, "it began well, and values became infinite or NaN in training"))
    multiplied = loss_multiplied(run)
    if multiplied:
        clues.append(Clue(8, f"{multiplied}: it is summed over the batch, or multiplied, and so is its gradient"))
    best = run.latest("check/best_rate")
    clues += _no_rate_helps(run)
    if lr is not None and best > 0:
        if lr >= 5 * best:
            clues.append(Clue(6 if lr >= 30 * best else 4, f"a range test finds {number(best)} best"))
        elif clues and lr <= 2 * best:
            clues.append(Clue(-4, f"a range test finds {number(best)} best"))
    if clues and lr is not None and low is not None and lr < low:
        clues.append(Clue(-3, f"{lr:g} is less than usual"))
    if not any(clue.points > 0 for clue in clues):
        return None
    clause, remedy = f"the learning rate{named(run)} is too large", _remedy(run, 0.1 if not full else 0.01)
    if multiplied:
        clause += " for such a loss"
        remedy = remedies.Remedy(look='take the mean over the batch (reduction="mean"), or a smaller learning rate')
    return Cause("learning_rate_too_large", clause, remedy, tuple(clues), EXPLAINED)


def loss_multiplied(run: Evidence) -> str:
    """In a loop of one's own, a first loss that is more than a mean cross entropy of the outputs can be, in words."""
    classes, first = run.context.classes, run.first
    if run.context.settings is not None or not classes or first is None or first.loss is None:
        return ""
    most = math.log(classes) + first.scalars.get("output/highest", math.nan) - first.scalars.get("output/lowest", 0.0)
    words = f"the first loss is {number(first.loss)}, and the mean cross entropy of such outputs at most {number(most)}"
    return words if first.loss > MULTIPLIED * most else ""


def too_small(run: Evidence) -> Cause | None:
    lr, clues = run.context.learning_rate, []
    low, high = usual(run)
    if lr is not None and low is not None and lr < low:
        clues.append(Clue(5 if lr <= 0.1 * low else 3, f"{lr:g} is less than the usual {low:g} to {high:g}"))
    largest = max((ratio for _, ratio in run.meant_ratios), default=math.nan)
    # Updates of exactly 0 are not small: then the optimizer did not step.
    if 0 < largest < UPDATE_LITTLE:
        points = 5 if largest < UPDATE_LITTLE / 10 else 3
        clues.append(
            Clue(points, f"no update is more than {number(largest)} of the weights' size; 3e-3 to 0.1 is usual")
        )
    elif largest > 3 * UPDATE_LITTLE:
        clues.append(Clue(-5, f"updates of up to {number(largest)} of the weights' size are usual"))
    best = run.latest("check/best_rate")
    clues += _no_rate_helps(run)
    if lr is not None and best > 0:
        if lr <= best / 5:
            points = 6 if lr <= best / 30 else 4
            if low is not None and high is not None and low <= lr and best > high:  # what is lost elsewhere
                points = 2
            clues.append(Clue(points, f"a range test finds {number(best)} best"))
        elif lr >= best / 2:
            clues.append(Clue(-4, f"a range test finds {number(best)} best"))
    clause, remedy = f"the learning rate{named(run)} is too small", _remedy(run, 10)
    if divided := loss_divided(run):
        clues.append(Clue(14, divided))
        clause = f"the loss is divided by the batch size once too often: {divided}"
        remedy = remedies.Remedy(look="take the mean over the batch once: F.cross_entropy has divided by its size")
    found = Cause("learning_rate_too_small", clause, remedy, tuple(clues), LEARNING | {"small_updates"})
    return found if found.supporting and run.steps >= PATIENCE else None


def loss_divided(run: Evidence) -> str:
    """In a loop of one's own, a loss that is the mean cross entropy over the batch size, in words. Adam and the like
    take the same steps whatever a loss is multiplied by."""
    images = run.context.batch_size or 0
    if images < 2 or usual(run) not in (PLAIN, (None, None)):
        return ""
    if not math.isclose(run.latest("check/loss_share") * images, 1, rel_tol=1e-2):
        return ""
    return f"the loss is 1/{images} of the mean cross entropy of a batch of {images}"


def _no_rate_helps(run: Evidence) -> list[Clue]:
    if run.latest("check/best_rate") != 0:
        return []
    # Where the network learns a batch with another optimizer, the rates that were tried may all be wrong, or the steps
    # too few.
    learns = run.latest("check/reference") == 1 or run.latest("check/reference_unfinished") == 1
    points = -1 if learns else -8
    return [Clue(points, "in a range test no learning rate lowers the loss")]


def usual(run: Evidence) -> tuple[float | None, float | None]:
    """None for optimizers that are not known."""
    name = (run.context.optimizer or "").lower()
    if any(word in name for word in ("adam", "rmsprop", "lion", "lamb")):
        return ADAPTIVE
    if "adagrad" in name:
        return ADAGRAD
    if "adadelta" in name:
        return ADADELTA
    return PLAIN if name == "sgd" else (None, None)


def _remedy(run: Evidence, factor: float) -> remedies.Remedy:
    """What the range test found; else the middle of what is usual, or a factor. Never a rate on the wrong side of the
    one that was set."""
    best, lr, (low, high) = run.latest("check/best_rate"), run.context.learning_rate, usual(run)
    # A few steps tell nothing of an optimizer whose updates grow over hundreds.
    slow = (low, high) == ADADELTA
    if slow and factor > 1 and run.context.update.get("eps", 1.0) < EPSILON_SMALL:
        return remedies.Remedy("optimizer.eps", 1e-6)  # its first updates are of the size of the root of eps
    if best > 0 and not (slow and best < ADADELTA[0]):
        found = remedies.rate(best)
        if lr is None or (float(found.value or 0) < lr if factor < 1 else float(found.value or 0) > lr):
            return found
    several = run.context.at_lower_rates  # rates, which one for all would take from the optimizer
    if not several and lr is not None and low is not None and high is not None and not low <= lr <= high:
        return remedies.rate(math.sqrt(low * high))
    return remedies.learning_rate(run.context, factor)


def named(run: Evidence) -> str:
    """`, 0.02 with sgd,` as far as known."""
    lr, optimizer = run.context.learning_rate, run.context.optimizer
    if lr is None:
        return ""
    return f", {lr:g} with {optimizer}," if optimizer else f", {lr:g},"


CAUSES = (too_large, too_small)
