"""Learning rate schedules that do not suit a run; functions of an optimizer and the number of steps."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler


def geometric(optimizer: Optimizer, total_steps: int, factor: float) -> LRScheduler:
    """The rate times `factor` at every step, meant for every epoch."""
    return LambdaLR(optimizer, lambda step: min(factor**step, 1e6))


def warming(optimizer: Optimizer, total_steps: int, runs: float) -> LRScheduler:
    """A warm-up as long as `runs` whole runs, as when its length was counted in epochs of another data set."""
    return LambdaLR(optimizer, lambda step: (step + 1) / (runs * total_steps))


def spikes(optimizer: Optimizer, total_steps: int, factor: float) -> LRScheduler:
    """Every 20th step has `factor` times the rate, as with restarts that are far too large."""
    return LambdaLR(optimizer, lambda step: factor if step % 20 == 19 else 1.0)


def stopped(optimizer: Optimizer, total_steps: int, after: int) -> LRScheduler:
    """Zero after so many steps."""
    return LambdaLR(optimizer, lambda step: 1.0 if step < after else 0.0)
