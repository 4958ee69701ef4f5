"""Schedules that are called once per step, and were meant otherwise."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LambdaLR, LRScheduler, OneCycleLR


def exponential(optimizer: Optimizer, total_steps: int, gamma: float) -> LRScheduler:
    """With the factor of an epoch."""
    return ExponentialLR(optimizer, gamma)


def long_warmup(optimizer: Optimizer, total_steps: int, steps: int) -> LRScheduler:
    """Up to the learning rate within `steps`, of which the training has but few."""
    return LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / steps))


def own_peak(optimizer: Optimizer, total_steps: int, max_lr: float) -> LRScheduler:
    """torch's OneCycleLR, which replaces the optimizer's learning rate by its own."""
    return OneCycleLR(optimizer, max_lr, total_steps=total_steps + 1, cycle_momentum=False)
