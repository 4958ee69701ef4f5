"""Augmentation that leaves too little of an image, or of its label."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True)
class ResizedCrop:
    """RandomResizedCrop at an area from `least` on, of small pictures: ImageNet's 0.08 leaves a corner of a digit."""

    least: float = 0.08
    most: float = 1.0

    def check(self, shape: tuple[int, int, int]) -> None:
        """It suits every shape."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        n = len(images)
        area = self.least + (self.most - self.least) * torch.rand(n, generator=generator)
        side = area.sqrt()
        middle = (torch.rand(2, n, generator=generator) * 2 - 1) * (1 - side)
        zero = torch.zeros(n)
        theta = torch.stack([torch.stack([side, zero, middle[0]], 1), torch.stack([zero, side, middle[1]], 1)], 1)
        grid = affine_grid(theta, list(images.shape), align_corners=False)
        return grid_sample(images.float(), grid, align_corners=False).round().to(images.dtype)


@dataclass(frozen=True)
class Mixed:
    """mixup (Zhang et al. 2018) of images, each with at least a share `least` of another one, and without its label."""

    least: float = 0.5

    def check(self, shape: tuple[int, int, int]) -> None:
        """It suits every shape."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        n = len(images)
        share = (self.least + (1 - self.least) * torch.rand(n, generator=generator)).view(-1, 1, 1, 1)
        others = images[torch.randperm(n, generator=generator)].float()
        return (share * others + (1 - share) * images.float()).round().to(images.dtype)
