"""Fixed changes of whole batches on their device: shifted, rotated, squashed. No chance in them.

What comes in from outside has the picture's own background: in each channel the median of its outermost pixels.
For a digit that is the black around it, also where a stroke touches the border.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad


class Variant(NamedTuple):
    """One change; the variants of one kind and amount differ in direction only and count as one number together."""

    kind: str
    amount: float
    words: str
    change: Callable[[Tensor], Tensor]


def variants(
    shifts: Sequence[int] = (), rotations: Sequence[float] = (), squashes: Sequence[float] = ()
) -> list[Variant]:
    """Every direction of every amount.

    Shift by s: s whole pixels up, down, left, right. Rotation by a: a degrees to either side. Squash to f: the
    height or the width made f times as long.
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


def background(images: Tensor) -> Tensor:
    """Median of the outermost pixels of each channel: (N, C, H, W) -> (N, C, 1, 1)."""
    top, bottom, left, right = images[..., 0, :], images[..., -1, :], images[..., 1:-1, 0], images[..., 1:-1, -1]
    # Sorted, since median and kthvalue have no deterministic CUDA version.
    ring = torch.cat([top, bottom, left, right], dim=-1).sort(dim=-1).values
    return ring[..., (ring.shape[-1] - 1) // 2, None, None]


def shift(images: Tensor, down: int, right: int) -> Tensor:
    """`images` (N, C, H, W), float, moved by whole pixels without interpolation; |down| < H and |right| < W."""
    behind = background(images)
    # A negative pad cuts off what leaves the picture.
    return pad(images - behind, (right, -right, down, -down)) + behind


def rotate(images: Tensor, degrees: float) -> Tensor:
    """`images` (N, C, H, W), float, turned about their centre, to the left (anticlockwise) if positive; bilinear."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return _warp(images, ((cos, -sin), (sin, cos)))


def squash(images: Tensor, height: float = 1.0, width: float = 1.0) -> Tensor:
    """`images` (N, C, H, W), float, with sides `height` and `width` times as long about their centre; bilinear.

    Below one half single lines and columns are left out.
    """
    return _warp(images, ((1 / width, 0.0), (0.0, 1 / height)))


def _warp(images: Tensor, matrix: tuple[tuple[float, float], tuple[float, float]]) -> Tensor:
    """`matrix` takes (x, y) in pixels from the centre of the output to where it is read in the input."""
    (xx, xy), (yx, yy) = matrix
    h, w = images.shape[-2:]
    # affine_grid counts each side from -1 to 1, which would shear what is not square.
    theta = torch.tensor([[xx, xy * h / w, 0.0], [yx * w / h, yy, 0.0]], device=images.device, dtype=images.dtype)
    grid = affine_grid(theta[None], [1, *images.shape[1:]], align_corners=False).expand(len(images), -1, -1, -1)
    behind = background(images)
    moved = grid_sample(images - behind, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return moved + behind
