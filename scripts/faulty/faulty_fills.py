"""Initializers with a mistake in their formula; each fills a weight (c_out, c_in, k, k) in place."""

import math

import torch
from torch import Tensor


def fan_not_rooted_(weight: Tensor) -> Tensor:
    """2 / fan-in as the deviation, which is that of the variance."""
    return torch.nn.init.normal_(weight, std=2 / weight[0].numel())


def fan_inverted_(weight: Tensor) -> Tensor:
    """The deviation grows with the fan-in."""
    return torch.nn.init.normal_(weight, std=math.sqrt(weight[0].numel() / 2))


def same_filters_(weight: Tensor) -> Tensor:
    """One filter is drawn, and copied to all channels."""
    filters = torch.nn.init.kaiming_normal_(weight)
    return filters.copy_(filters[:1].expand_as(filters).clone())


def positive_(weight: Tensor) -> Tensor:
    """rand in place of randn, with He's deviation as its largest value."""
    return torch.nn.init.uniform_(weight, 0.0, 2 * math.sqrt(2 / weight[0].numel()))


def twice_(weight: Tensor, gain: float) -> Tensor:
    """He's deviation times `gain`."""
    return torch.nn.init.normal_(weight, std=gain * math.sqrt(2 / weight[0].numel()))


def fan_of_positions_(weight: Tensor) -> Tensor:
    """The fan-in without the channels: k^2 alone."""
    return torch.nn.init.normal_(weight, std=math.sqrt(2 / weight[0, 0].numel()))
