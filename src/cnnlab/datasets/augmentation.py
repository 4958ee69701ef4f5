"""Random augmentation of whole batches, on the device of the images."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from cnnlab.common.errors import InputError
from cnnlab.common.limits import check_limits


@dataclass(frozen=True)
class Augmentation:
    """Per image: a horizontal flip with probability 1/2, a shift of up to `translate` pixels in each direction, a
    rotation by up to `rotate` degrees either way, a square hole with sides of `cutout` pixels (DeVries & Taylor
    2017, arXiv:1708.04552: its centre is any pixel, so it may extend beyond the border).

    Pixels from outside the image and cut-out ones are 0: black in uint8 images, the mean in normalized ones.
    """

    flip: bool = False
    translate: int = 0
    rotate: float = 0.0
    cutout: int = 0

    def __post_init__(self) -> None:
        check_limits(
            augmentation_translate=self.translate, augmentation_rotate=self.rotate, augmentation_cutout=self.cutout
        )

    def __bool__(self) -> bool:
        """Whether any augmentation is on."""
        return bool(self.flip or self.translate or self.rotate or self.cutout)

    def check(self, shape: tuple[int, int, int]) -> None:
        """Raise InputError if an image of `shape` (C, H, W) could be shifted out or covered completely."""
        side = min(shape[1:])
        for name, value in (("translate", self.translate), ("cutout", self.cutout)):
            if value >= side:
                raise InputError(
                    f"augmentation.{name}={value} leaves nothing of images of {shape[1]}x{shape[2]} pixels.\n"
                    f"Give a number below {side}, e.g. augmentation.{name}={side // 8}."
                )

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """`images: (N, C, H, W)`, uint8 or float, on any device. `generator`: on the CPU, the only randomness.

        All six numbers per image are always drawn, so that switching one change on or off does not affect the
        others, and always on the CPU, so that CUDA gets the same ones.
        """
        if not self:
            return images
        n, _, h, w = images.shape
        draws = torch.rand(6, n, 1, generator=generator).to(images.device, non_blocking=True)
        turn, mirror, down, right, hole_y, hole_x = draws
        if self.rotate:
            images = _rotate(images, (turn[:, 0] * 2 - 1) * math.radians(self.rotate))
        y = torch.arange(h, device=images.device).expand(n, h)  # source row of each output row
        x = torch.arange(w, device=images.device).expand(n, w)
        masked = None
        if self.cutout:
            masked = _hole_mask(hole_y, h, self.cutout)[:, :, None] & _hole_mask(hole_x, w, self.cutout)[:, None, :]
        if self.translate:
            y, x = y + _shift(down, self.translate), x + _shift(right, self.translate)
            outside = ((y < 0) | (y >= h))[:, :, None] | ((x < 0) | (x >= w))[:, None, :]
            masked = outside if masked is None else masked | outside
            y, x = y.clamp_(0, h - 1), x.clamp_(0, w - 1)
        if self.flip:
            x = torch.where(mirror < 0.5, w - 1 - x, x)
        if self.flip or self.translate:
            images = _gather_pixels(images, y, x)
        return images if masked is None else images.masked_fill(masked[:, None], 0)


def _shift(draw: Tensor, largest: int) -> Tensor:
    """Uniform whole pixels from -largest to largest."""
    return (draw * (2 * largest + 1)).long() - largest


def _hole_mask(draw: Tensor, length: int, side: int) -> Tensor:
    """Mask (N, length) of `side` pixels centred on a uniformly drawn one."""
    offset = torch.arange(length, device=draw.device) - (draw * length).long() + side // 2
    return (offset >= 0) & (offset < side)


def _gather_pixels(images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """images[n, :, y[n, i], x[n, j]] for all n, i, j: (N, C, H, W).

    One gather on flattened planes: 0.6 ms for 128 uint8 images of 3x32x32 on one core, versus 4.1 ms for that
    index expression and 0.9 ms for rows, then columns.
    """
    n, c, h, w = images.shape
    place = (y[:, :, None] * w + x[:, None, :]).view(n, 1, h * w)
    return images.reshape(n, c, h * w).gather(2, place.expand(n, c, h * w)).view(n, c, h, w)


def _rotate(images: Tensor, radians: Tensor) -> Tensor:
    """Rotate about the centre, bilinear; `radians`: (N,). Non-square images are not sheared."""
    h, w = images.shape[2:]
    cos, sin, zero = radians.cos(), radians.sin(), torch.zeros_like(radians)
    matrix = torch.stack([cos, -sin * h / w, zero, sin * w / h, cos, zero], dim=1).view(-1, 2, 3)
    grid = affine_grid(matrix, list(images.shape), align_corners=False)
    turned = grid_sample(images.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return turned if images.is_floating_point() else turned.round_().to(images.dtype)
