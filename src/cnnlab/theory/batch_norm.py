"""Batch norm in training at initialization: every channel gets mean 0 and variance 1 over images and positions.

What is taken away is what all positions have in common, in each channel: the mean product between two of them, which
the samples know (Yang et al. 2019, arXiv:1902.08129, for fully connected layers).
"""

import math
from dataclasses import dataclass

from cnnlab.theory.graph import Normalize
from cnnlab.theory.maps import MomentMaps, inside, partners
from cnnlab.theory.samples import Samples

# Beyond it, at fewer than seven degrees of freedom, the mean of 1 / chi-square is mostly that of rare channels.
_MOST_SCATTER = 0.15


@dataclass(frozen=True)
class Normalized:
    """`slope`: E (d output / d input)^2; NaN where the channels' variances scatter too widely for a mean. `inverse`:
    the factor that their scatter is in it."""

    maps: MomentMaps
    samples: Samples
    slope: float
    inverse: float


def normalized(x: MomentMaps, samples: Samples, node: Normalize, images: int, features: int | None) -> Normalized:
    """`images`: in the batch. `features`: the channels that each channel is a random sum of, if it is."""
    positions = node.size[0] * node.size[1]
    common = samples.over_batch(samples.products, images, positions)
    share = float(common.mean()) / samples.square if samples.square > 0 else 0.0
    maps, variance = _centred(x, share)
    divisor = variance + node.eps
    centred = samples.products - common[:, None] - common + common.mean()
    left = float(centred.diagonal().mean())
    centred = centred * (variance / divisor / left if left > 0 else 0.0)
    square = float(centred.diagonal().mean())
    squares = float(samples.over_batch(centred.square(), images, positions).mean())
    scatter = (squares / square**2 if square > 0 else 0.0) + (1 / features if features else 0.0)
    inverse = _mean_inverse(scatter)
    # No gradient is left along the channel's mean and along its own values.
    slope = inverse * max(1 - 2 / (images * positions), 0.0) / divisor
    scale, shift = node.scale, node.shift
    return Normalized(
        _shifted(maps, scale / divisor**0.5, shift),
        Samples(scale**2 * centred + shift**2, shift, samples.images),
        scale**2 * slope,
        inverse,
    )


def _centred(x: MomentMaps, share: float) -> tuple[MomentMaps, float]:
    """Less the part that is common to all positions, which is larger where the signal is; and the variance left."""
    size = x.square.clamp_min(0).sqrt()
    typical = size.mean()
    part = min(float(share * x.square.mean() / typical.square()), 1.0) if typical > 0 else 0.0
    on_map = inside(x.size, x.steps)
    common = part * typical * (size[:, None] + partners(size, x.steps) - typical)
    pairs = (x.pairs - common) * on_map
    return MomentMaps(x.mean - x.mean.mean(), pairs, x.steps), float(pairs[:, 0].mean())


def _shifted(x: MomentMaps, scale: float, shift: float) -> MomentMaps:
    means = scale * shift * (x.mean[:, None] + partners(x.mean, x.steps))
    pairs = (scale**2 * x.pairs + means + shift**2) * inside(x.size, x.steps)
    return MomentMaps(scale * x.mean + shift, pairs, x.steps)


def _mean_inverse(scatter: float) -> float:
    """E sigma^2 E 1 / sigma^2 over channels, sigma^2 being as chi-square with n = 1 / `scatter` degrees of freedom,
    (sum of eigenvalues)^2 / (sum of their squares): n / (n - 2). NaN for few."""
    return 1 / (1 - 2 * scatter) if scatter < _MOST_SCATTER else math.nan
