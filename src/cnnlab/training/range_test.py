"""The learning-rate range test: the loss while the rate grows, and the rate that it suggests."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from cnnlab.common.errors import NotApplicable
from cnnlab.training.copies import Start
from cnnlab.training.schedules import rising
from cnnlab.training.trainer import TrainingBatches
from cnnlab.training.trials import Course, brief_course, endless

# At the lowest rate no network learns within the first CALM steps; few bear the highest.
LOWEST, HIGHEST = 1e-6, 10.0
CLOSER = 50  # times below the rate with the least loss, and its root above, where it is made once more
CALM = 10
WINDOW = 5
BLOWN_UP = 4  # times the loss at the start: transient peaks in networks that then go on learning reach 1.2 times
FALL = 0.1  # of the loss at the start: batches of 64 make the smoothed loss vary by 3 %
# While the rate grows the loss can rise for a while and fall again, so that where it is least says little: the
# suggestion is a part of the last rate at which it is nearly that low. Accuracies after 100 steps of one_cycle on
# digits, beside those of the best of eleven rates, of ten pairs of network and optimizer: 0.007 lower on average, at
# most 0.018; of a third, 0.023 and 0.162; of a third of the rate with the least loss, 0.010 and 0.036.
NEARLY = 0.15  # of the fall
BELOW = 4
PART, PARTS = 3, 3  # a rate that a network does not bear from the first step on is divided by PART; so many are tried


@dataclass(frozen=True)
class RangeTest:
    """Losses while the learning rate grows: before the step at each of `rates`, smoothed. `largest`: the last rate
    before the loss blows up. `best`: the suggestion. Both None where no rate lowers the loss."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    best: float | None
    largest: float | None


def range_test(start: Start, batches: TrainingBatches, seconds: float = 60.0, steps: int = 100) -> RangeTest:
    """The learning-rate range test (Smith 2017, arXiv:1506.01186, section 3.3): from the initial weights, with the
    run's own optimizer, the rate grows by the same factor at every step, until the loss blows up.

    Networks that start slowly, as deep ones do, learn nothing in the few steps at the rates that suit them; where no
    rate helped, it is made again, with three times as many steps per decade, around the rate with the least loss.
    The suggestion is then held from the first step on, and a third of it where that teaches nothing: large rates are
    borne better by what has learned at small ones, the more so without the noise of small batches. Raises
    NotApplicable, also where `seconds` are over before the `steps` of either are.
    """
    began = perf_counter()
    found = _swept(start, batches, seconds, steps, LOWEST, HIGHEST)
    if found.best is None and found.losses:
        least = found.rates[found.losses.index(min(found.losses))]
        left = seconds - (perf_counter() - began)
        closer = _swept(start, batches, left, steps, least / CLOSER, least * CLOSER ** (1 / 2))
        found = found if closer.best is None else closer
    if found.best is None:
        return found
    return replace(found, best=_held(start, batches, found.best, seconds - (perf_counter() - began), steps // 2))


def _held(start: Start, batches: TrainingBatches, best: float, seconds: float, steps: int) -> float:
    """The first of `best` and parts of it that lowers the loss if it is the rate of the first step and all others.
    Where none does within these `steps`, as in networks that start slowly: the first at which the loss did not blow up,
    or else the last that was tried."""
    end = perf_counter() + seconds

    def lowered(course: Course) -> bool:
        unlearned = min(course.losses[0], math.log(course.classes))
        return statistics.fmean(course.losses[-CALM:]) <= (1 - FALL) * unlearned

    borne, tried = None, best
    for rate in (best / PART**times for times in range(PARTS)):
        if (left := end - perf_counter()) <= 0:
            break
        course = brief_course(start.trainer(rate=rate), endless(batches), steps, left, lowered)
        if lowered(course):
            return rate
        tried = rate
        if borne is None and not _blown_up(course.losses):
            borne = rate
    return borne or tried


def _swept(
    start: Start, batches: TrainingBatches, seconds: float, steps: int, lowest: float, highest: float
) -> RangeTest:
    trainer = start.trainer(rate=lowest)
    assert trainer.optimizer is not None
    trainer.scheduler = rising(trainer.optimizer, steps, highest / lowest)
    course = brief_course(trainer, endless(batches), steps, seconds, lambda course: _blown_up(course.losses))
    if len(course.losses) < steps and not _blown_up(course.losses):
        raise NotApplicable(f"{steps} steps take too many seconds")
    return _judged([lowest * (highest / lowest) ** (step / (steps - 1)) for step in range(steps)], course)


def _judged(rates: Sequence[float], course: Course) -> RangeTest:
    """`best` is the last rate at which the smoothed loss is nearly least, divided by BELOW. `largest` is the last at
    which it is nearer to its minimum than to where it came from: its start, or the loss of guessing, to which it falls
    from above where only the outputs become smaller."""
    kept = [loss for loss in course.losses if math.isfinite(loss)]
    smooth = _smoothed(kept)
    tried = RangeTest(tuple(rates[: len(kept)]), tuple(smooth), None, None)
    if not kept:
        return tried
    least, unlearned = min(smooth), min(_calm(kept), math.log(course.classes))
    if least > (1 - FALL) * unlearned:
        return tried

    def last(share: float) -> float:
        return max(
            rate for rate, loss in zip(rates, smooth, strict=False) if loss <= least + share * (unlearned - least)
        )

    return replace(tried, best=last(NEARLY) / BELOW, largest=last(1 / 2))


def _blown_up(losses: Sequence[float]) -> bool:
    return any(not loss <= BLOWN_UP * _calm(losses) for loss in losses)


def _calm(losses: Sequence[float]) -> float:
    return statistics.fmean(losses[:CALM])


def _smoothed(losses: Sequence[float]) -> list[float]:
    """Medians of WINDOW neighbours, which a single bad batch does not move, then their means."""
    for middle in (statistics.median, statistics.fmean):
        losses = [middle(losses[max(0, i - WINDOW // 2) : i + WINDOW // 2 + 1]) for i in range(len(losses))]
    return list(losses)
