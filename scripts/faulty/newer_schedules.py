"""The last learning rate schedule that does not suit a run; a function of an optimizer and the number of steps."""

import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler, MultiplicativeLR

from cnnlab.training.schedules import one_cycle


def multiplied(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """The factors of one cycle, to a schedule that multiplies the rate of the step before with them."""
    (factor,) = one_cycle(SGD([torch.zeros(1)], lr=1.0), total_steps).lr_lambdas
    return MultiplicativeLR(optimizer, factor)
