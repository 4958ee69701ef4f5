"""Second moments of maps: per image, means at every position and products between positions a step apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

Step = tuple[int, int]  # (down, right) from one position to the other
HERE: Step = (0, 0)


@dataclass(frozen=True)
class MomentMaps:
    """Per image, for one channel, averaged over channels or over weights.

    `mean`: (N, H, W). `pairs`: (N, D, H, W), at [:, i, p] the second moment of positions p and p + steps[i]: the
    expected product of activations, or the covariance of pre-activations; 0 where either is outside the map.
    The first step is always HERE. Only one of a step and its opposite is stored.
    """

    mean: Tensor
    pairs: Tensor
    steps: tuple[Step, ...]

    @property
    def square(self) -> Tensor:
        return self.pairs[:, 0]

    @property
    def size(self) -> tuple[int, int]:
        return self.mean.shape[-2], self.mean.shape[-1]

    def at(self, steps: tuple[Step, ...]) -> "MomentMaps":
        """With these of its steps alone."""
        if steps == self.steps:
            return self
        return MomentMaps(self.mean, torch.stack([self.pair(step) for step in steps], 1), steps)

    def pair(self, step: Step) -> Tensor:
        """(N, H, W) for a stored step or the opposite of one, or one that leaves the map."""
        if not self._fits(step):
            return torch.zeros_like(self.mean)
        if step in self.steps:
            return self.pairs[:, self.steps.index(step)]
        return shifted(self.pairs[:, self.steps.index(opposite(step))], step)

    def both_ways(self) -> "MomentMaps":
        """With the opposites of its steps as well."""
        others = tuple(opposite(step) for step in self.steps if step != HERE)
        if not others:
            return self
        turned = torch.stack([self.pair(step) for step in others], 1)
        return MomentMaps(self.mean, torch.cat([self.pairs, turned], 1), (*self.steps, *others))

    def stacked(self, steps: Sequence[Step]) -> Tensor:
        """(N, S, H, W) for stored steps, or such as leave the map."""
        found = torch.tensor([self._places[step] if self._fits(step) else -1 for step in steps])
        return self.pairs[:, found] * (found >= 0)[:, None, None]

    @cached_property
    def _places(self) -> dict[Step, int]:
        return {step: place for place, step in enumerate(self.steps)}

    def _fits(self, step: Step) -> bool:
        return abs(step[0]) < self.size[0] and abs(step[1]) < self.size[1]


def of_images(images: Tensor, steps: tuple[Step, ...]) -> MomentMaps:
    """Empirical moments of the images (N, C, H, W), averaged over channels."""
    pairs = [(images * shifted(images, step)).mean(1) for step in steps]
    return MomentMaps(images.mean(1), torch.stack(pairs, 1), steps)


def opposite(step: Step) -> Step:
    return -step[0], -step[1]


def kept(steps: Iterable[Step], size: tuple[int, int]) -> tuple[Step, ...]:
    """HERE, then those of `steps` that fit on the map, normalized to point down, or right."""
    upright = {max(step, opposite(step)) for step in steps if abs(step[0]) < size[0] and abs(step[1]) < size[1]}
    return (HERE, *sorted(upright - {HERE}))


def shifted(maps: Tensor, step: Step) -> Tensor:
    """The value `step` away from every position of `maps` (..., H, W), 0 outside."""
    (down, right), (h, w) = step, maps.shape[-2:]
    if abs(down) >= h or abs(right) >= w:
        return torch.zeros_like(maps)
    inside = maps[..., max(down, 0) : h + min(down, 0), max(right, 0) : w + min(right, 0)]
    return F.pad(inside, (max(-right, 0), max(right, 0), max(-down, 0), max(down, 0)))


def partners(maps: Tensor, steps: tuple[Step, ...]) -> Tensor:
    """(N, H, W) -> (N, D, H, W): the value one step away, for every step."""
    return torch.stack([shifted(maps, step) for step in steps], 1)


def inside(size: tuple[int, int], steps: tuple[Step, ...]) -> Tensor:
    """(D, H, W): 1 where the position one step away is on the map, else 0."""
    return partners(torch.ones(1, *size, dtype=torch.float64), steps)[0]
