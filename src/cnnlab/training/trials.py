"""Brief trainings that tell what a network can learn, and leave the run's network, optimizer and random streams alone.

A trial trains a copy. What of it cannot be copied or trained raises NotApplicable, never what it raised itself.
"""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count, islice, repeat
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlab.common.errors import NotApplicable
from cnnlab.common.random import undisturbed
from cnnlab.common.stopping import raise_if_asked
from cnnlab.training.by_heart import enough, falling
from cnnlab.training.copies import REFERENCE_RATES, or_not_applicable
from cnnlab.training.copies import Start as Start
from cnnlab.training.first_nonfinite import FirstNonFinite, Produced
from cnnlab.training.schedules import rising
from cnnlab.training.tally import batch_accuracy
from cnnlab.training.trainer import Batch, Trainer, TrainingBatches

SEED = 0  # of dropout in trials; what else is random, weights and order of images, comes from the run
READ = 10  # steps between two synchronizations of the device

# The range test's. At the lowest rate no network learns within the first CALM steps; few bear the highest.
LOWEST, HIGHEST = 1e-6, 10.0
CLOSER = 50  # times below the rate with the least loss, and its root above, where it is made once more
CALM = 10
WINDOW = 5
BLOWN_UP = 4  # times the loss at the start: transient peaks in networks that then go on learning reach 1.2 times
FALL = 0.1  # of the loss at the start: batches of 64 make the smoothed loss vary by 3 %
# The loss is least shortly before it blows up, so the suggestion is a part of that rate. Accuracies after 100 steps of
# one_cycle at a quarter of it, half of it, and itself, on MNIST: stacked3x3 0.951, 0.940, 0.931 with sgd, 0.957, 0.956,
# 0.946 with adamw; vgg 0.930, 0.951, 0.960 with sgd, 0.950, 0.963, 0.970 with adamw; of an eighth, 0.006 to 0.043 below
# those of a quarter. On digits vgg with sgd has 0.99 at a quarter and half of it, and 0.10 at 1.5 times.
BELOW_MINIMUM = 3
BELOW_CLOSER = 2  # plain with adamw: 0.44, 0.70, 0.74 on MNIST, 0.944, 0.931, 0.951 on digits


@dataclass
class Course:
    """Of each step, before its update: mean loss and accuracy of its batch."""

    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    classes: int = 0


@dataclass(frozen=True)
class OneBatch:
    """Whether a network learned one batch by heart, in `steps` steps. `losses`: before each; with label smoothing, if
    the run has it. `accuracy`: before the last, of 1. `unfinished`: it did not, and its loss was still falling, or the
    time was over, which does not show that it cannot."""

    steps: int
    first_loss: float
    last_loss: float
    accuracy: float
    learned: bool
    unfinished: bool
    losses: tuple[float, ...]


def one_batch(
    start: Start, x: Tensor, y: Tensor, steps: int = 200, seconds: float = 60.0, reference: bool = False
) -> OneBatch:
    """Can the network learn this one batch by heart, x: float32 (N, C, H, W), y: int64 (N,)?

    Stops when it has, after `steps` steps or `seconds`, or when the loss is not finite. Every network with as many
    weights as images should; one that cannot has a fault that no other image, and no patience, removes. `reference`:
    the best of REFERENCE_RATES, the later ones if the first does not. Raises NotApplicable, also for a batch of a
    single class, which needs no look at the images.
    """
    if len(y.unique()) < 2:
        raise NotApplicable("all images of the batch are of one class")
    end, found = perf_counter() + seconds, list[OneBatch]()
    for rate in REFERENCE_RATES if reference else (None,):
        if not found or (not found[-1].learned and perf_counter() < end):
            found.append(_learned(start.trainer(reference, rate), x, y, steps, end - perf_counter()))
    return min(found, key=lambda each: (not each.learned, not math.isfinite(each.last_loss), each.last_loss))


def _learned(trainer: Trainer, x: Tensor, y: Tensor, steps: int, seconds: float) -> OneBatch:
    x, y = x.to(trainer.device), y.to(trainer.device)

    def by_heart(course: Course) -> int | None:
        least = enough(y, course.classes, trainer.label_smoothing)
        pairs = enumerate(zip(course.losses, course.accuracies, strict=True))
        return next((i for i, (loss, accuracy) in pairs if accuracy == 1 and loss <= least), None)

    course = _train(trainer, repeat((x, y)), steps, seconds, lambda course: by_heart(course) is not None)
    end = by_heart(course)
    losses = tuple(course.losses[: None if end is None else end + 1])
    going = end is None and math.isfinite(losses[-1])
    late = len(losses) < steps
    unfinished = going and (late or falling(losses, y, course.classes, trainer.label_smoothing))
    accuracy = course.accuracies[len(losses) - 1]
    return OneBatch(len(losses), losses[0], losses[-1], accuracy, end is not None, unfinished, losses)


def brief_training(
    start: Start,
    batches: TrainingBatches,
    unseen: Sequence[Batch],
    *,
    steps: int = 100,
    seconds: float = 60.0,
    reference: bool = False,
    anew: bool = False,
) -> float:
    """Accuracy on `unseen` images after `steps` steps on the run's batches at the peak of its rate: with the
    run's own optimizer or the `reference` (the better of REFERENCE_RATES), from its own weights or from ones drawn
    `anew`. Raises NotApplicable, also where `seconds` are over before."""
    images = next(batches.epoch(0))[0] if anew else None
    end, found = perf_counter() + seconds, list[float]()
    for rate in REFERENCE_RATES if reference else (None,):
        found.append(
            accuracy_after(start.trainer(reference, rate, images), batches, unseen, steps, end - perf_counter())
        )
    return max(found)


def accuracy_after(
    trainer: Trainer, batches: TrainingBatches, unseen: Sequence[Batch], steps: int, seconds: float
) -> float:
    """Accuracy on `unseen` images after `steps` steps of this trainer. Raises NotApplicable, also where `seconds` are
    over before."""
    course = _train(trainer, _endless(batches), steps, seconds, lambda course: False)
    if len(course.losses) < steps and math.isfinite(course.losses[-1]):
        raise NotApplicable(f"{steps} steps take too many seconds")
    with undisturbed(SEED, trainer.device), or_not_applicable("a copy of it cannot be asked"):
        return batch_accuracy(*trainer.predict(unseen)).item()


def first_nonfinite(start: Start, batches: TrainingBatches, steps: int = 100, seconds: float = 60.0) -> Produced | None:
    """The operation that first makes NaN or infinity of finite values while the run's start is trained at its peak
    rate; None if there is none within these `steps`. Raises NotApplicable."""
    trainer = start.trainer()
    assert trainer.optimizer is not None
    with FirstNonFinite().of(trainer.optimizer) as looking:
        _train(trainer, _endless(batches), steps, seconds, lambda course: looking.found is not None)
    return looking.found


@dataclass(frozen=True)
class Updating:
    """`cosine`: of the first update with the descent, minus the loss's gradient. `first`, `later`: norm of the gradient
    that the optimizer gets over that of the batch's loss, in the first step and in the later half."""

    cosine: float
    first: float
    later: float


def updating(start: Start, batches: TrainingBatches, steps: int = 10) -> Updating:
    """What the run's optimizer makes of gradients in its first `steps`, against autograd's. Raises NotApplicable."""
    trainer = start.trainer()
    assert trainer.optimizer is not None
    weights = [p for group in trainer.optimizer.param_groups for p in group["params"] if p.requires_grad]
    got: list[Tensor] = []
    hook = trainer.optimizer.register_step_pre_hook(lambda *_: got.append(_flat([p.grad for p in weights], weights)))
    cosine, ratios = math.nan, list[float]()
    trainer.network.train()
    try:
        with or_not_applicable("a copy of it cannot be trained"):
            for x, y in islice(_endless(batches), steps):
                with undisturbed(SEED, trainer.device):
                    loss = trainer.loss(x, y, trainer.network)[0]
                    true = _flat(torch.autograd.grad(loss, weights, allow_unused=True), weights)
                before = _flat([p.detach() for p in weights], weights)
                with undisturbed(SEED, trainer.device):  # the same units are dropped
                    trainer.step(x, y, trainer.network)
                ratios.append((got.pop().norm() / true.norm()).item())
                if math.isnan(cosine):
                    moved = _flat([p.detach() for p in weights], weights) - before
                    cosine = F.cosine_similarity(moved, -true, dim=0).item()
                got.clear()
    finally:
        hook.remove()
    return Updating(cosine, ratios[0], statistics.median(ratios[len(ratios) // 2 :]))


def _flat(values: Sequence[Tensor | None], like: Sequence[Tensor]) -> Tensor:
    """One vector, with zeros where there is nothing."""
    parts = [torch.zeros_like(p) if v is None else v for v, p in zip(values, like, strict=True)]
    return torch.cat([part.detach().flatten().float() for part in parts])


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
    Raises NotApplicable, also where `seconds` are over before the `steps` of either are.
    """
    began = perf_counter()
    found = _swept(start, batches, seconds, steps, LOWEST, HIGHEST, BELOW_MINIMUM)
    if found.best is not None or not found.losses:
        return found
    least = found.rates[found.losses.index(min(found.losses))]
    left = seconds - (perf_counter() - began)
    closer = _swept(start, batches, left, steps, least / CLOSER, least * CLOSER ** (1 / 2), BELOW_CLOSER)
    return found if closer.best is None else closer


def _swept(
    start: Start, batches: TrainingBatches, seconds: float, steps: int, lowest: float, highest: float, below: float
) -> RangeTest:
    trainer = start.trainer(rate=lowest)
    assert trainer.optimizer is not None
    trainer.scheduler = rising(trainer.optimizer, steps, highest / lowest)
    course = _train(trainer, _endless(batches), steps, seconds, lambda course: _blown_up(course.losses))
    if len(course.losses) < steps and not _blown_up(course.losses):
        raise NotApplicable(f"{steps} steps take too many seconds")
    return _judged([lowest * (highest / lowest) ** (step / (steps - 1)) for step in range(steps)], course, below)


def _judged(rates: Sequence[float], course: Course, below: float) -> RangeTest:
    """`best` is the rate with the least smoothed loss, divided by `below`. `largest` is the last at which the smoothed
    loss is nearer to its minimum than to where it came from: its start, or the loss of guessing, to which it falls from
    above where only the outputs become smaller."""
    kept = [loss for loss in course.losses if math.isfinite(loss)]
    smooth = _smoothed(kept)
    tried = RangeTest(tuple(rates[: len(kept)]), tuple(smooth), None, None)
    if not kept:
        return tried
    least, unlearned = min(smooth), min(_calm(kept), math.log(course.classes))
    if least > (1 - FALL) * unlearned:
        return tried
    largest = max(i for i, loss in enumerate(smooth) if loss <= (unlearned + least) / 2)
    return replace(tried, best=rates[smooth.index(least)] / below, largest=rates[largest])


def _blown_up(losses: Sequence[float]) -> bool:
    return any(not loss <= BLOWN_UP * _calm(losses) for loss in losses)


def _calm(losses: Sequence[float]) -> float:
    return statistics.fmean(losses[:CALM])


def _smoothed(losses: Sequence[float]) -> list[float]:
    """Medians of WINDOW neighbours, which a single bad batch does not move, then their means."""
    for middle in (statistics.median, statistics.fmean):
        losses = [middle(losses[max(0, i - WINDOW // 2) : i + WINDOW // 2 + 1]) for i in range(len(losses))]
    return list(losses)


def _train(
    trainer: Trainer, batches: Iterator[Batch], steps: int, seconds: float, over: Callable[[Course], bool]
) -> Course:
    """Train until `over`, asked every READ steps, `steps`, `seconds`, or the first loss that is not finite."""
    course, kept, began = Course(), [], perf_counter()
    trainer.network.train()
    with undisturbed(SEED, trainer.device), or_not_applicable("a copy of it cannot be trained"):
        for step, (x, y) in enumerate(islice(batches, steps), 1):
            raise_if_asked()
            loss, logits = trainer.step(x, y, trainer.network)
            kept.append(torch.stack([loss.detach(), batch_accuracy(logits, y)]))
            late = perf_counter() - began > seconds
            if late or step == steps or step % READ == 0:
                read, kept = torch.stack(kept).T.tolist(), []
                course.losses += read[0]
                course.accuracies += read[1]
                course.classes = logits.shape[1]
                if late or over(course) or not all(map(math.isfinite, read[0])):
                    break
    return course


def _endless(batches: TrainingBatches) -> Iterator[Batch]:
    return chain.from_iterable(batches.epoch(epoch) for epoch in count())
