"""Deterministic transforms of whole batches on their device: shift, rotate, squash, permute.

Pixels from outside are filled with the image's background: per channel, the median of its outermost pixels. For a
digit that is black, even if a stroke touches the border.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad


class Variant(NamedTuple):
    """One transform; variants of one kind and amount differ only in direction and are averaged into one number.

    `amount`: None for a kind that has no amounts.
    """

    kind: str
    amount: float | None
    words: str
    change: Callable[[Tensor], Tensor]

    @property
    def name(self) -> str:
        """`shift=4`, or the kind alone."""
        return self.kind if self.amount is None else f"{self.kind}={self.amount:g}"


def variants(
    shifts: Sequence[int] = (), rotations: Sequence[float] = (), squashes: Sequence[float] = ()
) -> list[Variant]:
    """Every direction of every amount.

    Shift by s: s pixels up, down, left, right. Rotation by a: a degrees either way. Squash to f: height or width
    scaled by f.
    """
    found = []
    for s in shifts:
        for words, down, right in (("up", -s, 0), ("down", s, 0), ("left", 0, -s), ("right", 0, s)):
            found.append(Variant("shift", s, f"{s} px {words}", lambda x, d=down, r=right: shift(x, d, r)))
    for a in rotations:
        for words, sign in (("left", 1), ("right", -1)):
            found.append(Variant("rotation", a, f"{a:g}° {words}", lambda x, a=sign * a: rotate(x, a)))
    for f in squashes:
        found.append(Variant("squash", f, f"height x {f:g}", lambda x, f=f: squash(x, height=f)))
        found.append(Variant("squash", f, f"width x {f:g}", lambda x, f=f: squash(x, width=f)))
    return found


def permutation() -> Variant:
    return Variant("permute", None, "pixels in random order", permute)


def background(images: Tensor) -> Tensor:
    """Median of each channel's outermost pixels: (N, C, H, W) -> (N, C, 1, 1)."""
    top, bottom, left, right = images[..., 0, :], images[..., -1, :], images[..., 1:-1, 0], images[..., 1:-1, -1]
    # By sorting: median and kthvalue have no deterministic CUDA implementation.
    ring = torch.cat([top, bottom, left, right], dim=-1).sort(dim=-1).values
    return ring[..., (ring.shape[-1] - 1) // 2, None, None]


def shift(images: Tensor, down: int, right: int) -> Tensor:
    """`images` (N, C, H, W), float, shifted by whole pixels; |down| < H and |right| < W."""
    fill = background(images)
    # Negative padding crops.
    return pad(images - fill, (right, -right, down, -down)) + fill


def rotate(images: Tensor, degrees: float) -> Tensor:
    """`images` (N, C, H, W), float, rotated about the centre, anticlockwise if positive; bilinear."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return _warp(images, ((cos, -sin), (sin, cos)))


def squash(images: Tensor, height: float = 1.0, width: float = 1.0) -> Tensor:
    """`images` (N, C, H, W), float, with height and width scaled about the centre by these factors; bilinear.

    No antialiasing: below 0.5, some rows or columns are skipped.
    """
    return _warp(images, ((1 / width, 0.0), (0.0, 1 / height)))


def permute(images: Tensor) -> Tensor:
    """`images` (N, C, H, W) with the pixels in a random order, the same for all images, channels and calls.

    What a pixel's value says is kept, what its place and its neighbours say is not.
    """
    order = torch.randperm(images.shape[-2] * images.shape[-1], generator=torch.Generator().manual_seed(0))
    return images.flatten(-2)[..., order.to(images.device)].view(images.shape)


def _warp(images: Tensor, matrix: tuple[tuple[float, float], tuple[float, float]]) -> Tensor:
    """`matrix` maps output (x, y), in pixels from the centre, to the input position that is sampled."""
    (xx, xy), (yx, yy) = matrix
    h, w = images.shape[-2:]
    # affine_grid's coordinates run from -1 to 1 on both sides, which would shear non-square images.
    theta = torch.tensor([[xx, xy * h / w, 0.0], [yx * w / h, yy, 0.0]], device=images.device, dtype=images.dtype)
    grid = affine_grid(theta[None], [1, *images.shape[1:]], align_corners=False).expand(len(images), -1, -1, -1)
    fill = background(images)
    warped = grid_sample(images - fill, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return warped + fill
