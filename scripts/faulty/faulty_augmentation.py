"""Augmentation that destroys what is to be recognized."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Noise:
    """`noise` times random pixels plus (1 - noise) times the image; `scramble`: pixels in another order each time."""

    noise: float = 0.0
    scramble: bool = False

    def check(self, shape: tuple[int, int, int]) -> None:
        pass

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        if self.scramble:
            n, c, h, w = images.shape
            order = torch.rand(n, 1, h * w, generator=generator).argsort(2).expand(n, c, h * w)
            images = images.view(n, c, h * w).gather(2, order).view(n, c, h, w)
        if self.noise:
            random = torch.randint(256, images.shape, generator=generator)
            images = (self.noise * random + (1 - self.noise) * images).to(torch.uint8)
        return images
