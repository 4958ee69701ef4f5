"""More learning rate schedules that do not suit a run; functions of an optimizer and the number of steps."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, MultiStepLR


def milestones(optimizer: Optimizer, total_steps: int, gamma: float) -> LRScheduler:
    """Milestones in epochs, and a step of the schedule after every batch."""
    return MultiStepLR(optimizer, [5, 10, 15], gamma)


def noam(optimizer: Optimizer, total_steps: int, width: int) -> LRScheduler:
    """A transformer's schedule, 4,000 steps of warm-up, whose factor is made for a rate of 1."""
    return LambdaLR(optimizer, lambda step: width**-0.5 * min((step + 1) ** -0.5, (step + 1) * 4000**-1.5))


def rate_as_factor(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """LambdaLR with a function that returns the rate, where a factor is expected."""
    rate = optimizer.param_groups[0]["lr"]
    return LambdaLR(optimizer, lambda step: rate)


def jump(optimizer: Optimizer, total_steps: int, factor: float) -> LRScheduler:
    """From half of the run on `factor` times the rate, as when it goes on with other units."""
    return LambdaLR(optimizer, lambda step: 1.0 if 2 * step < total_steps else factor)
