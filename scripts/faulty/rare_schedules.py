"""Schedules that change what they were not meant to."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler


def on_weight_decay(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """`group[key] = factor` for each key that is scheduled, of which weight_decay is one."""

    def factor(step: int) -> float:
        now = 1 - step / total_steps
        for group in optimizer.param_groups:
            group["weight_decay"] = now
        return now

    return LambdaLR(optimizer, factor)


def momentum_to_one(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """Nesterov's momentum of t / (t + 1), as for a whole gradient: without a restart and without an end below one."""

    def factor(step: int) -> float:
        for group in optimizer.param_groups:
            group["momentum"] = max(1, step) / (max(1, step) + 1)
        return 1.0

    return LambdaLR(optimizer, factor)
