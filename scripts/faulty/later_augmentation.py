"""More augmentation that destroys what is to be recognized."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d


@dataclass(frozen=True)
class Blur:
    """Each pixel becomes the mean of a window this wide."""

    pixels: int = 1

    def check(self, shape: tuple[int, int, int]) -> None:
        pass

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        wide = self.pixels // 2
        blurred = avg_pool2d(images.float(), 2 * wide + 1, 1, wide, count_include_pad=False)
        return blurred.round().to(torch.uint8)


@dataclass(frozen=True)
class Crops:
    """A random square with sides of `pixels`, enlarged to the size of the image."""

    pixels: int = 8

    def check(self, shape: tuple[int, int, int]) -> None:
        pass

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        n, _, h, w = images.shape
        top, left = (torch.rand(2, n, 1, generator=generator) * (min(h, w) - self.pixels + 1)).long()
        y = top + torch.arange(h) * self.pixels // h
        x = left + torch.arange(w) * self.pixels // w
        return images[torch.arange(n)[:, None, None], :, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)
