"""Learning rate schedules: functions of an optimizer and the number of steps."""

import math
import warnings

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler


def constant(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    return LambdaLR(optimizer, lambda step: 1.0)


def rising(optimizer: Optimizer, total_steps: int, ratio: float) -> LRScheduler:
    """From the learning rate at the first step to `ratio` times it at the last, by the same factor at every step."""
    return LambdaLR(optimizer, lambda step: ratio ** (step / max(1, total_steps - 1)))


def cosine(optimizer: Optimizer, total_steps: int, warmup: float = 0.0) -> LRScheduler:
    """Linear warm-up from 1/n to 1 over n = `warmup` * total_steps steps, then half a cosine down to zero."""
    rising = int(warmup * total_steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return _half_cosine(1.0, 0.0, (step - rising) / max(1, total_steps - rising))

    return LambdaLR(optimizer, factor)


def one_cycle(optimizer: Optimizer, total_steps: int, warmup: float = 0.25) -> LRScheduler:
    """From 1/25 of the learning rate to all of it over a fraction `warmup` of the steps, then down to 1/250,000 of it,
    each as half a cosine (Smith & Topin 2018, with the factors of torch's OneCycleLR).

    OneCycleLR itself divides by zero if the warm-up is one step, and raises when stepped once more than planned.
    Momentum is not cycled, so that `optimizer.momentum` stays true.
    """
    last = max(1, total_steps - 1)
    peak = warmup * last

    def factor(step: int) -> float:
        if step < peak:
            return _half_cosine(1 / 25, 1.0, step / peak)
        return _half_cosine(1.0, 1 / 250_000, min(1.0, (step - peak) / max(1.0, last - peak)))

    return LambdaLR(optimizer, factor)


def rates_at(step: int, optimizer: Optimizer, scheduler: LRScheduler) -> list[float | Tensor]:
    """The learning rates of a schedule over another number of steps, which it is brought to: its state would bring back
    the length that it had, and one like CosineAnnealingLR would then rise again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the optimizer took no step in between
        for _ in range(step):
            scheduler.step()
    return [group["lr"] for group in optimizer.param_groups]


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))
