"""How the learning rate moves over the run: functions of an optimizer and the number of steps."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR


def constant(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    return LambdaLR(optimizer, lambda step: 1.0)


def cosine(optimizer: Optimizer, total_steps: int, warmup: float = 0.0) -> LRScheduler:
    """Linear from zero over the first `warmup` share of the steps, then half a cosine down to zero."""
    rising = int(warmup * total_steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, total_steps - rising)))

    return LambdaLR(optimizer, factor)


def one_cycle(optimizer: Optimizer, total_steps: int, warmup: float = 0.25) -> LRScheduler:
    """From 1/25 of the learning rate up to it over the `warmup` share of the steps, then down (Smith & Topin 2018).

    The momentum is left alone: cycling it would change what `optimizer.momentum` says.
    """
    peak = [group["lr"] for group in optimizer.param_groups]
    return OneCycleLR(optimizer, peak, total_steps=max(2, total_steps), pct_start=warmup, cycle_momentum=False)
