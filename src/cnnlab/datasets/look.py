"""What images look like, in five numbers: their ranges in a training set, and where another image is outside."""

from collections.abc import Mapping
from math import sqrt

import torch
from torch import Tensor

AMONG = 5000  # training images that are looked at; in stratified order the first ones are a random sample
AT_A_TIME = 32  # of these, in double precision: 3 MB in all for images of 3x32x32
SIDE = 64  # of larger images every n-th pixel is looked at, of training images and of others alike
TAIL = 0.0005  # of the training images on each side in each number: some are odd themselves
# Both ends of a range are moved out by this share of it, and by more where few images tell it.
WIDER, FEW = 0.1, 2.0
FLAT = 0.5 / 255  # a smaller contrast, of which there is no logarithm or a large one, counts as this

Range = tuple[float, float]


def looks(images: Tensor) -> dict[str, Tensor]:
    """Five numbers, float64 (N,), of each of uint8 images (N, C, H, W), whose values are scaled to 0..1.

    `brightness`: the mean; `border`: that of the outermost pixels; `contrast`: the standard deviation; `roughness`: the
    mean difference between neighbours, in standard deviations; `colour`, of three channels: the mean difference between
    a pixel's largest and smallest.
    """
    step = -(-max(images.shape[-2:]) // SIDE)
    x = images[..., ::step, ::step].double() / 255
    ring = torch.ones(x.shape[-2:], dtype=torch.bool, device=x.device)
    ring[1:-1, 1:-1] = False
    contrast = x.flatten(1).std(1, correction=0).clamp(min=FLAT)
    steps = [x.diff(dim=axis).abs().flatten(1).mean(1) for axis in (-1, -2) if x.shape[axis] > 1]
    found = {
        "brightness": x.flatten(1).mean(1),
        "border": x[..., ring].flatten(1).mean(1),
        "contrast": contrast,
        "roughness": sum(steps, torch.zeros_like(contrast)) / max(1, len(steps)) / contrast,
    }
    if x.shape[1] == 3:
        found["colour"] = (x.amax(1) - x.amin(1)).flatten(1).mean(1)
    return found


def ranges(images: Tensor) -> dict[str, Range]:
    """{number of `looks`: (low, high)}, between which nearly every image of the kind of these is; 0.3 s."""
    found = {}
    wider = WIDER + FEW / sqrt(min(len(images), AMONG))
    parts = [looks(part) for part in images[:AMONG].split(AT_A_TIME)]
    for name in parts[0]:
        values = torch.cat([part[name] for part in parts])
        # Contrasts are compared by their ratio: the least of photographs is far from none.
        scaled = values.log() if name == "contrast" else values
        low, high = scaled.quantile(scaled.new_tensor([TAIL, 1 - TAIL])).tolist()
        ends = torch.tensor([low - wider * (high - low), high + wider * (high - low)], dtype=torch.float64)
        found[name] = tuple((ends.exp() if name == "contrast" else ends.clamp(min=0)).tolist())
    return found


def outside(image: Tensor, usual: Mapping[str, Range]) -> dict[str, float]:
    """Those numbers of an image (C, H, W) that are not within the ranges, the farthest first."""
    own = {name: float(value) for name, value in looks(image[None]).items() if name in usual}
    far = {name: _beyond(value, *usual[name]) for name, value in own.items()}
    return {name: own[name] for name in sorted(far, key=lambda name: -far[name]) if far[name] > 0}


def _beyond(value: float, low: float, high: float) -> float:
    """By how many widths of the range the value is outside."""
    return max(low - value, value - high) / max(high - low, 1e-9)
