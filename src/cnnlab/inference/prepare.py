"""From a picture file to the pixels that a network knows, and what has to be said about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from cnnlab.common.errors import InputError
from cnnlab.datasets.pictures import Header, header, read


@dataclass(frozen=True)
class Picture:
    """`pixels`: uint8 (C, H, W) as the network gets them, before normalization. `words`: what was changed for it."""

    path: Path
    pixels: Tensor
    words: list[str] = field(default_factory=list)


def prepare(
    path: Path,
    image_shape: tuple[int, int, int],
    mean: Sequence[float],
    std: Sequence[float],
    invert: bool = False,
) -> Picture:
    """Read a file as `dataset=image_folder` reads its images: shorter side resized, centre cut out.

    `image_shape`, `mean`, `std`: what the network was trained on. InputError for a file that is no picture, and
    for a network whose input is none.
    """
    channels, height, width = image_shape
    if channels not in (1, 3):
        raise InputError(
            f"This network takes images of {channels} channels; picture files have 1 (grey) or 3 (colour).\n"
            "Call the network in Python instead: cnnlab.cli.build.load_run(folder)."
        )
    seen = header(path)
    words = [*_size_words(seen, height, width), *_colour_words(seen, channels)]
    if height == width:
        pixels = read(path, channels, height)
    else:
        pixels = read(path, channels, None)
        if pixels.shape[1:] != (height, width):
            raise InputError(
                f"{path} has {seen.width}x{seen.height} pixels (width x height); this network was trained on images "
                f"of {width}x{height} taken as they are.\nBring the picture to {width}x{height} first."
            )
    if invert:
        pixels, words = 255 - pixels, [*words, "bright and dark are exchanged (invert=true)"]
    return Picture(path, pixels, [*words, *_brightness_words(pixels, mean[0], std[0])])


def _size_words(seen: Header, height: int, width: int) -> list[str]:
    if (seen.height, seen.width) == (height, width):
        return []
    scale = max(height / seen.height, width / seen.width)
    kept = height * width / (seen.height * scale * seen.width * scale)
    words = f"it is {seen.width}x{seen.height} pixels, the network knows {width}x{height}: "
    words += "enlarged" if scale > 1 else "made smaller" if scale < 1 else "same scale"
    return [words + (f", {1 - kept:.0%} at the sides are cut off" if kept < 0.995 else "")]


def _colour_words(seen: Header, channels: int) -> list[str]:
    words = []
    if channels == 1 and not seen.grey:
        words.append("the network knows grey pictures only: colours become shades")
    if channels == 3 and seen.grey:
        words.append("it is grey, the network knows colour: the three channels are equal")
    if seen.transparent:
        words.append("it has transparent parts: the colour stored below them is seen")
    return words


def _brightness_words(pixels: Tensor, mean: float, std: float) -> list[str]:
    """A scan of ink on paper is the negative of what a network for MNIST knows; nothing else would tell.

    Among photographs bright ones are common, so this is said of grey pictures only.
    """
    own = float(pixels.float().mean()) / 255
    if len(pixels) > 1 or abs(own - mean) < 0.75 * std or abs(1 - own - mean) > 0.5 * abs(own - mean):
        return []
    brighter = "brighter" if own > mean else "darker"
    return [f"it is far {brighter} (mean {own:.2f}) than the training images ({mean:.2f}); a negative? try invert=true"]
