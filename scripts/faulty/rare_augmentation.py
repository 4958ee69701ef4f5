"""Augmentation of somebody's own that changes more than it returns."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@dataclass
class InPlace:
    """A crop of up to 1 / `zoom` of a side is written back into the data set: after n epochs of so many `steps`, an
    image was cropped n times."""

    zoom: float = 1.0
    steps: int = 1
    calls: int = field(default=0, init=False)

    def check(self, shape: tuple[int, int, int]) -> None:
        """Suits every shape."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        found = images.float()
        for _ in range(1 + self.calls // self.steps):
            found = self._cropped(found, generator)
        self.calls += 1
        return found.round().to(images.dtype)

    def _cropped(self, images: Tensor, generator: torch.Generator) -> Tensor:
        size, x, y = torch.rand(3, len(images), generator=generator)
        side = 1 - (1 - 1 / self.zoom) * size
        matrix = torch.zeros(len(images), 2, 3)
        matrix[:, 0, 0] = matrix[:, 1, 1] = side
        matrix[:, 0, 2], matrix[:, 1, 2] = (2 * x - 1) * (1 - side), (2 * y - 1) * (1 - side)
        grid = affine_grid(matrix, list(images.shape), align_corners=False)
        return grid_sample(images, grid, padding_mode="border", align_corners=False)
