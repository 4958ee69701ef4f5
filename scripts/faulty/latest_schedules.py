"""Yet other learning rate schedules that do not suit a run; functions of an optimizer and the number of steps."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler


def past_zero(optimizer: Optimizer, total_steps: int, runs: float) -> LRScheduler:
    """Down to 0 within this share of the run, and on along the same line."""
    return LambdaLR(optimizer, lambda step: 1 - step / (runs * total_steps))


def whole_division(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """What is left of the run, by a division without remainder: 1 at first, and then 0."""
    return LambdaLR(optimizer, lambda step: (total_steps - step) // total_steps)
