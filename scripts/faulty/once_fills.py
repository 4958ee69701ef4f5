"""Initializers as they are written wrongly; each changes one weight tensor (c_out, c_in, k, k) in place."""

import math

import torch
from torch import Tensor


def variance_as_std(weight: Tensor) -> Tensor:
    """normal_(std=2 / fan-in): He et al.'s variance, without the root."""
    return weight.normal_(0, 2 / weight[0].numel())


def fan_of_kernel(weight: Tensor) -> Tensor:
    """The fan-in is taken as the kernel's area: the number of channels is forgotten."""
    return weight.normal_(0, math.sqrt(2 / weight[0, 0].numel()))


def seeded_filters(weight: Tensor) -> Tensor:
    """The seed is set again for each output channel, so that all are drawn alike."""
    first = torch.randn(weight[0].shape, generator=torch.Generator().manual_seed(42))
    return weight.copy_((first * math.sqrt(2 / weight[0].numel())).expand_as(weight))


def halves(weight: Tensor, gain: float = 1.4142135) -> Tensor:
    """rand() instead of randn(), times He's deviation: all weights are positive."""
    return weight.uniform_(0, 1).mul_(gain * math.sqrt(3.0 / weight[0].numel()))
