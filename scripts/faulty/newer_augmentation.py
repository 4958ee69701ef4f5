"""The last augmentation that destroys what is to be recognized."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True)
class Elastic:
    """Waves along both axes, `pixels` high and `waves` to an image, with a random phase: as of an elastic deformation
    whose strength was meant for larger images."""

    pixels: float = 1.0
    waves: float = 2.0

    def check(self, shape: tuple[int, int, int]) -> None:
        pass

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        n, _, h, w = images.shape
        straight = torch.eye(2, 3).expand(n, 2, 3)
        grid = affine_grid(straight, [n, 1, h, w], align_corners=False)
        phase = 2 * math.pi * torch.rand(n, 1, 1, 2, generator=generator)
        moved = grid + 2 * self.pixels / w * torch.sin(math.pi * self.waves * grid.flip(3) + phase)
        return grid_sample(images.float(), moved, align_corners=False).round().to(images.dtype)


@dataclass(frozen=True)
class FloatsCut:
    """Works on numbers from 0 to 1, and gives them back in the type of the images: whole numbers, so 0 or 1."""

    brightness: float = 0.1

    def check(self, shape: tuple[int, int, int]) -> None:
        pass

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        change = self.brightness * (2 * torch.rand(len(images), 1, 1, 1, generator=generator) - 1)
        return (images.float() / 255 + change).clamp(0, 1).to(images.dtype)
