"""Optimizers and schedules whose `step` needs no more than to be called."""

from inspect import signature

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cnnlab.common.errors import InputError


def check_steps_alone(part: Optimizer | LRScheduler | None) -> None:
    """InputError where its `step` asks for what the training loop does not give."""
    try:
        if part is not None:
            signature(type(part).step).bind(part)  # a scheduler replaces the optimizer's own by one with a `self`
    except TypeError as error:
        name = type(part).__name__
        raise InputError(
            f"{name}.step() cannot be called alone: {error}.\ncnnlab's loop takes a step after each batch, without a "
            "closure and without a measured value. Take another, as AdamW or CosineAnnealingLR, or write your own loop "
            "with cnnlab.Probe."
        ) from None
