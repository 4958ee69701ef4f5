"""Schedules that change what they were not meant to."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from cnnlab.training.schedules import cosine


def on_weight_decay(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """`group[key] = factor` for each key that is scheduled, of which weight_decay is one."""

    def factor(step: int) -> float:
        now = 1 - step / total_steps
        for group in optimizer.param_groups:
            group["weight_decay"] = now
        return now

    return LambdaLR(optimizer, factor)


def first_group_alone(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """`param_groups[0]["lr"] = ...`: a warm-up from zero, which the other groups never leave."""
    scheduled = cosine(optimizer, total_steps, warmup=0.1).lr_lambdas[0]
    return LambdaLR(optimizer, [scheduled, *[lambda step: 0.0] * (len(optimizer.param_groups) - 1)])
