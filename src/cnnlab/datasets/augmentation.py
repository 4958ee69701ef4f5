"""Random changes to whole batches, on the device where they lie."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from cnnlab.common.errors import InputError
from cnnlab.common.limits import check_limits


@dataclass(frozen=True)
class Augmentation:
    """Each image draws its own change: a mirror image (half of them), a shift of up to `translate` pixels in
    each direction, a turn of up to `rotate` degrees either way, a square hole of `cutout` pixels a side
    (DeVries & Taylor 2017, arXiv:1708.04552: its centre lies anywhere, so it may hang over the border).

    What comes in from outside and what is cut out is 0: black in uint8 images, the mean in normalized ones.
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
        """Whether it changes anything."""
        return bool(self.flip or self.translate or self.rotate or self.cutout)

    def check(self, shape: tuple[int, int, int]) -> None:
        """Raise InputError where a change would leave nothing of an image (C, H, W)."""
        side = min(shape[1:])
        for name, value in (("translate", self.translate), ("cutout", self.cutout)):
            if value >= side:
                raise InputError(
                    f"augmentation.{name}={value} does not leave anything of images of {shape[1]}x{shape[2]} pixels.\n"
                    f"Give a number below {side}, e.g. augmentation.{name}={side // 8}."
                )

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """`images: (N, C, H, W)`, uint8 or float, on any device; a function of `generator` (on the CPU) alone.

        All six numbers of an image are drawn whatever is switched on, so that switching one change on or off
        leaves the others as they were, and CPU and CUDA draw alike.
        """
        if not self:
            return images
        n, _, h, w = images.shape
        draws = torch.rand(6, n, 1, generator=generator).to(images.device, non_blocking=True)
        turn, mirror, down, right, hole_y, hole_x = draws
        if self.rotate:
            images = _rotated(images, (turn[:, 0] * 2 - 1) * math.radians(self.rotate))
        y = torch.arange(h, device=images.device).expand(n, h)  # which row each row of the result shows
        x = torch.arange(w, device=images.device).expand(n, w)
        hidden = None
        if self.cutout:
            hidden = _covered(hole_y, h, self.cutout)[:, :, None] & _covered(hole_x, w, self.cutout)[:, None, :]
        if self.translate:
            y, x = y + _shift(down, self.translate), x + _shift(right, self.translate)
            outside = ((y < 0) | (y >= h))[:, :, None] | ((x < 0) | (x >= w))[:, None, :]
            hidden = outside if hidden is None else hidden | outside
            y, x = y.clamp_(0, h - 1), x.clamp_(0, w - 1)
        if self.flip:
            x = torch.where(mirror < 0.5, w - 1 - x, x)
        if self.flip or self.translate:
            images = _picked(images, y, x)
        return images if hidden is None else images.masked_fill(hidden[:, None], 0)


def _shift(draw: Tensor, largest: int) -> Tensor:
    """Uniform whole pixels from -largest to largest."""
    return (draw * (2 * largest + 1)).long() - largest


def _covered(draw: Tensor, length: int, side: int) -> Tensor:
    """(N, length): which pixels lie within `side` pixels around a uniformly drawn one."""
    offset = torch.arange(length, device=draw.device) - (draw * length).long() + side // 2
    return (offset >= 0) & (offset < side)


def _picked(images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """images[n, :, y[n, i], x[n, j]] for all n, i, j: (N, C, H, W).

    One gather from the flattened planes: 0.6 ms for 128 images of 3x32x32 uint8 on one core, against 4.1 ms for
    that index expression and 0.9 ms for rows first, then columns.
    """
    n, c, h, w = images.shape
    place = (y[:, :, None] * w + x[:, None, :]).view(n, 1, h * w)
    return images.reshape(n, c, h * w).gather(2, place.expand(n, c, h * w)).view(n, c, h, w)


def _rotated(images: Tensor, radians: Tensor) -> Tensor:
    """About the centre, bilinear; pixels are square also where images are not."""
    h, w = images.shape[2:]
    cos, sin, zero = radians.cos(), radians.sin(), torch.zeros_like(radians)
    matrix = torch.stack([cos, -sin * h / w, zero, sin * w / h, cos, zero], dim=1).view(-1, 2, 3)
    grid = affine_grid(matrix, list(images.shape), align_corners=False)
    turned = grid_sample(images.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return turned if images.is_floating_point() else turned.round_().to(images.dtype)
