"""Yet other augmentation that destroys what is to be recognized."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate


@dataclass(frozen=True)
class ZoomedOut:
    """The whole image, so many times smaller, anywhere on black."""

    times: int = 1

    def check(self, shape: tuple[int, int, int]) -> None:
        pass

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        h, w = (max(1, side // self.times) for side in images.shape[2:])
        small = interpolate(images.float(), size=(h, w), mode="area").round().to(images.dtype)
        room = torch.tensor([images.shape[2] - h + 1, images.shape[3] - w + 1])
        places = (torch.rand(len(images), 2, generator=generator) * room).long().tolist()
        found = torch.zeros_like(images)
        for image, part, (top, left) in zip(found, small, places, strict=True):
            image[:, top : top + h, left : left + w] = part
        return found


@dataclass(frozen=True)
class MixedWith:
    """The mean of an image and so many others of the batch, with its label alone."""

    others: int = 0

    def check(self, shape: tuple[int, int, int]) -> None:
        pass

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        mixed = sum(images.roll(i, 0).float() for i in range(1, self.others + 1)) + images.float()
        return (mixed / (self.others + 1)).round().to(images.dtype)


@dataclass(frozen=True)
class Jigsaw:
    """So many pieces to a side, in another order each time; what is left at the border stays."""

    pieces: int = 1

    def check(self, shape: tuple[int, int, int]) -> None:
        pass

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        n, c, height, width = images.shape
        p, h, w = self.pieces, height // self.pieces, width // self.pieces
        tiles = images[:, :, : p * h, : p * w].reshape(n, c, p, h, p, w).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
        order = torch.rand(n, p * p, generator=generator).argsort(1)
        tiles = tiles[torch.arange(n)[:, None], order].view(n, p, p, c, h, w)
        found = images.clone()
        found[:, :, : p * h, : p * w] = tiles.permute(0, 3, 1, 4, 2, 5).reshape(n, c, p * h, p * w)
        return found
