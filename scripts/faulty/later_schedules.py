"""Still more learning rate schedules that do not suit a run; functions of an optimizer and the number of steps."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler


def polynomial(optimizer: Optimizer, total_steps: int, power: float) -> LRScheduler:
    """The share of the run that is left, to a power that is far too high."""
    return LambdaLR(optimizer, lambda step: (1 - min(step, total_steps) / total_steps) ** power)


def whole_cosine(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """A cosine without + 1: negative in the second half."""
    return LambdaLR(optimizer, lambda step: math.cos(math.pi * step / total_steps))


def finished(optimizer: Optimizer, total_steps: int, start: float) -> LRScheduler:
    """The last part of a cosine, whose count of steps was loaded with the weights of a run that had ended."""

    def factor(step: int) -> float:
        return 0.5 * (1 + math.cos(math.pi * min(1.0, start + (1 - start) * step / total_steps)))

    return LambdaLR(optimizer, factor)
