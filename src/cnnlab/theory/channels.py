"""What one channel does along branches that no weights renew: a residual stream is not normal, and what an activation
lets pass on it is what the one below let pass.

Each node has the values of the same sampled channels, at a position of typical size. Behind weights they are normal
and new; a sum adds them channel by channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cnnlab.networks.modules.moments import Activation

_CHANNELS, _QUANTILES = 4096, 64


@dataclass(frozen=True)
class Channels:
    """`values`: (channels,). `normal`: whether normal moments describe them."""

    values: Tensor
    normal: bool

    def moments(self, activation: Activation, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """E phi(h), E phi(h)^2, E phi'(h)^2 for h of this shape, with `mean` and `variance` (N, H, W)."""
        ordered = self.values.sort().values.view(_QUANTILES, -1).mean(1)
        ordered = ordered - ordered.mean()
        ordered = ordered / ordered.square().mean().sqrt().clamp_min(1e-300)
        first, second, slopes = (torch.zeros_like(mean) for _ in range(3))
        for quantile in ordered.tolist():
            value, derivative = activation.with_derivative(mean + variance.sqrt() * quantile)
            first += value / _QUANTILES
            second += value.square() / _QUANTILES
            slopes += derivative.square() / _QUANTILES
        return first, second, slopes

    def activated(self, activation: Activation) -> "Channels":
        return Channels(activation.function(self.values), normal=False)

    def passed(self, activation: Activation, gradients: Tensor) -> Tensor:
        """`gradients` (channels,), squares relative to their mean, times phi'^2 relative to its mean."""
        slopes = activation.with_derivative(self.values)[1].square()
        mean = slopes.mean()
        return gradients * slopes / mean if mean > 0 else gradients

    def standardized(self, scale: float, shift: float) -> "Channels":
        spread = self.values.std(correction=0).clamp_min(1e-300)
        return replace(self, values=scale * (self.values - self.values.mean()) / spread + shift)


def normal(mean: float, variance: float, place: int) -> Channels:
    """Independent of those of every other place."""
    quantiles = torch.special.ndtri((torch.arange(_CHANNELS, dtype=torch.float64) + 0.5) / _CHANNELS)
    order = torch.randperm(_CHANNELS, generator=torch.Generator().manual_seed(place + 1))
    return Channels(mean + max(variance, 0.0) ** 0.5 * quantiles[order], normal=True)


def added(branches: Sequence[Channels]) -> Channels:
    """Normal if all branches are."""
    return Channels(torch.stack([b.values for b in branches]).sum(0), all(b.normal for b in branches))


def joined(branches: Sequence[Channels], shares: Sequence[float]) -> Channels:
    """Of all branches' channels, as many from each as its share. Normals of unequal size are no normal."""
    start, parts = 0.0, []
    for branch, share in zip(branches, shares, strict=True):
        end = start + share
        parts.append(branch.values[round(start * _CHANNELS) : round(end * _CHANNELS)])
        start = end
    return Channels(torch.cat(parts), normal=False)


def alike() -> Tensor:
    """Gradients of channels that do not depend on the channels' values."""
    return torch.ones(_CHANNELS, dtype=torch.float64)
