"""Augmentations of somebody's own, with the interface of cnnlab's."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample


@dataclass(frozen=True)
class ScaledInside:
    """Ends with x / 255, as ToTensor does, though the images are scaled afterwards, too. Test images have no
    augmentation."""

    flip: bool = False

    def check(self, shape: tuple[int, int, int]) -> None:
        """Suits every shape."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        mirrored = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
        return (torch.where(mirrored, images.flip(3), images) if self.flip else images).float() / 255


@dataclass(frozen=True)
class SmallCrops:
    """RandomResizedCrop: a square with a share of `low` to `high` of the image, enlarged to its size."""

    low: float = 0.08
    high: float = 1.0

    def check(self, shape: tuple[int, int, int]) -> None:
        """Suits every shape."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        n = len(images)
        area, x, y = torch.rand(3, n, generator=generator)
        side = (self.low + (self.high - self.low) * area).sqrt()
        matrix = torch.zeros(n, 2, 3)
        matrix[:, 0, 0] = matrix[:, 1, 1] = side
        matrix[:, 0, 2], matrix[:, 1, 2] = (2 * x - 1) * (1 - side), (2 * y - 1) * (1 - side)
        grid = torch.nn.functional.affine_grid(matrix, list(images.shape), align_corners=False)
        cropped = grid_sample(images.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
        return cropped.round().to(images.dtype)
