"""Schedules as they are misused: functions of an optimizer and the number of steps."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, StepLR


def steps_in_epochs(optimizer: Optimizer, total_steps: int, every: int = 7, gamma: float = 0.1) -> LRScheduler:
    """StepLR for epochs, called after each batch."""
    return StepLR(optimizer, every, gamma)


def long_warmup(optimizer: Optimizer, total_steps: int, until: int = 10_000) -> LRScheduler:
    """A linear warm-up copied from a long training: this one ends within it."""
    return LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / until))


def rate_as_factor(optimizer: Optimizer, total_steps: int, decay: float = 0.995) -> LRScheduler:
    """The function for LambdaLR returns the rate, by which LambdaLR multiplies the rate."""
    rate = optimizer.param_groups[0]["lr"]
    return LambdaLR(optimizer, lambda step: rate * decay**step)


def own_peak(optimizer: Optimizer, total_steps: int, peak: float = 2.0) -> LRScheduler:
    """A triangle up to a `peak` of its own, as OneCycleLR's max_lr, which takes no notice of the optimizer's rate."""
    rate, middle = optimizer.param_groups[0]["lr"], 0.3 * total_steps

    def factor(step: int) -> float:
        share = step / middle if step < middle else (total_steps - step) / (total_steps - middle)
        return max(0.04, share) * peak / rate

    return LambdaLR(optimizer, factor)
