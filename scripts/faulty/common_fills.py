"""Initializers as people write them by hand, wrong."""

import math

import torch
from torch import Tensor, nn


def one_filter(weight: Tensor) -> Tensor:
    """The seed is set before each filter is drawn."""
    drawn = torch.empty_like(weight[:1]).normal_(std=math.sqrt(2 / weight[0].numel()))
    return weight.copy_(drawn.expand_as(weight))


def variance_as_std(weight: Tensor) -> Tensor:
    """He's variance, 2 / fan-in, is given as the standard deviation."""
    return nn.init.normal_(weight, std=2 / weight[0].numel())


def fan_without_channels(weight: Tensor) -> Tensor:
    """He's variance with k * k for the fan-in."""
    return nn.init.normal_(weight, std=math.sqrt(2 / weight[0, 0].numel()))
