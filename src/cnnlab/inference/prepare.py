"""Converts a picture file to a network's input, with remarks on what was changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from cnnlab.common.errors import InputError
from cnnlab.datasets.pictures import Header, header, read


@dataclass(frozen=True)
class Picture:
    """`pixels`: uint8 (C, H, W) before normalization. `words`: remarks on conversions and suspicious brightness."""

    path: Path
    pixels: Tensor
    words: list[str] = field(default_factory=list)


def prepare(
    path: Path,
    image_shape: tuple[int, int, int],
    mean: Sequence[float],
    std: Sequence[float],
    invert: bool = False,
    background: str = "auto",
) -> Picture:
    """Read a file as `dataset=image_folder` reads its images: shorter side resized, centre cropped.

    `image_shape`, `mean`, `std`, `background`: of the training images. InputError if the file is not a picture or does
    not fit, or if the network's input does not have 1 or 3 channels.
    """
    channels, height, width = image_shape
    if channels not in (1, 3):
        raise InputError(
            f"This network takes images of {channels} channels; picture files have 1 (greyscale) or 3 (colour).\n"
            "Call the network in Python instead: cnnlab.cli.build.load_run(folder)."
        )
    source = header(path)
    words = [*_size_words(source, height, width), *_colour_words(source, channels)]
    if height == width:
        pixels = read(path, channels, height, background)
    else:
        pixels = read(path, channels, None, background)
        if pixels.shape[1:] != (height, width):
            raise InputError(
                f"{path} has {source.width}x{source.height} pixels (width x height); this network was trained on "
                f"images of {width}x{height}.\nResize or crop the picture to {width}x{height} first."
            )
    if invert:
        pixels, words = 255 - pixels, [*words, "brightness is inverted (invert=true)"]
    return Picture(path, pixels, [*words, *_brightness_words(pixels, mean[0], std[0])])


def _size_words(source: Header, height: int, width: int) -> list[str]:
    if (source.height, source.width) == (height, width):
        return []
    scale = max(height / source.height, width / source.width)
    kept = height * width / (source.height * scale * source.width * scale)
    change = "enlarged" if scale > 1 else "reduced"
    if scale == 1:
        change = "not rescaled"
    if kept < 0.995:
        change += f", {1 - kept:.0%} cropped at the sides"
    return [f"{source.width}x{source.height} pixels for a network trained on {width}x{height}: {change}"]


def _colour_words(source: Header, channels: int) -> list[str]:
    words = []
    if channels == 1 and not source.grey:
        words.append("the network takes greyscale only: colours become shades of grey")
    if channels == 3 and source.grey:
        words.append("greyscale, but the network takes colour: the three channels are equal")
    if source.transparent:
        words.append("it has transparent parts, laid on white (on black if the drawing is white)")
    return words


def _brightness_words(pixels: Tensor, mean: float, std: float) -> list[str]:
    """Ink on paper is the negative of MNIST's images, and nothing else would reveal that.

    Greyscale only, since bright photographs are common.
    """
    own = float(pixels.float().mean()) / 255
    if len(pixels) > 1 or abs(own - mean) < 0.75 * std or abs(1 - own - mean) > 0.5 * abs(own - mean):
        return []
    brighter = "brighter" if own > mean else "darker"
    return [f"much {brighter} (mean {own:.2f}) than the training images ({mean:.2f}); if a negative, try invert=true"]
