"""Brief trainings that tell what a network can learn, and leave the run's network, optimizer and random streams alone.

A trial trains a copy. What of it cannot be copied or trained raises NotApplicable, never what it raised itself.
"""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
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
from cnnlab.training.tally import batch_accuracy
from cnnlab.training.trainer import Batch, Trainer, TrainingBatches

SEED = 0  # of dropout in trials; what else is random, weights and order of images, comes from the run
READ = 10  # steps between two synchronizations of the device


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

    course = brief_course(trainer, repeat((x, y)), steps, seconds, lambda course: by_heart(course) is not None)
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
    course = brief_course(trainer, endless(batches), steps, seconds, lambda course: False)
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
        brief_course(trainer, endless(batches), steps, seconds, lambda course: looking.found is not None)
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
            for x, y in islice(endless(batches), steps):
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


def brief_course(
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


def endless(batches: TrainingBatches) -> Iterator[Batch]:
    return chain.from_iterable(batches.epoch(epoch) for epoch in count())
