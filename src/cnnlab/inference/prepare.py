"""Converts a picture file to a network's input, with remarks on what was changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from cnnlab.common.errors import InputError
from cnnlab.common.words import percent
from cnnlab.datasets.look import Range, outside
from cnnlab.datasets.pictures import Header, header, read

# What each number of `datasets.look` is called, and a picture that is below and above the training images in it.
LOOKS = {
    "brightness": ("mean", "darker", "brighter"),
    "border": ("mean of the border", "darker at its border", "brighter at its border"),
    "contrast": ("standard deviation", "of less contrast", "of more contrast"),
    "roughness": ("neighbours differ by", "smoother", "rougher"),
    "colour": ("colours differ by", "less colourful", "more colourful"),
}
NAMED = 2


@dataclass(frozen=True)
class Picture:
    """`pixels`: uint8 (C, H, W) before normalization. `words`: how it was converted. `unlike`: in what it is unlike the
    training images; "" where it is like them, or nothing is known of them."""

    path: Path
    pixels: Tensor
    words: list[str] = field(default_factory=list)
    unlike: str = ""


def prepare(
    path: Path,
    image_shape: tuple[int, int, int],
    look: Mapping[str, Range],
    invert: bool = False,
    background: str = "auto",
    top: int | None = None,
) -> Picture:
    """Read a file as `dataset=image_folder` reads its images: shorter side resized, centre cropped.

    `image_shape`, `look`, `background`, `top`: of the training images. InputError if the file is not a picture or does
    not fit, or if the network's input does not have 1 or 3 channels.
    """
    channels, height, width = image_shape
    if channels not in (1, 3):
        raise InputError(
            f"This network takes images of {channels} channels; picture files have 1 (greyscale) or 3 (colour).\n"
            "Call the network in Python instead: cnnlab.load(folder)."
        )
    source = header(path)
    words = [*_size_words(source, height, width), *_colour_words(source, channels)]
    if height == width:
        pixels = read(path, channels, height, background, top)
    else:
        pixels = read(path, channels, None, background, top)
        if pixels.shape[1:] != (height, width):
            raise InputError(
                f"{path} has {source.width}x{source.height} pixels (width x height); this network was trained on "
                f"images of {width}x{height}.\nResize or crop the picture to {width}x{height} first."
            )
    if invert:
        pixels, words = 255 - pixels, [*words, "brightness is inverted (invert=true)"]
    return Picture(path, pixels, words, _unlike(pixels, look))


def _size_words(source: Header, height: int, width: int) -> list[str]:
    if (source.height, source.width) == (height, width):
        return []
    scale = max(height / source.height, width / source.width)
    kept = height * width / (source.height * scale * source.width * scale)
    change = f"enlarged {scale:.3g} times" if scale > 1 else f"reduced to {percent(scale)} of its size"
    if scale == 1:
        change = "not rescaled"
    if kept < 0.995:
        change += f", {percent(1 - kept)} cropped at the sides"
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


def _unlike(pixels: Tensor, look: Mapping[str, Range]) -> str:
    """Nothing else reveals that a picture is not of the kind that the network learned: it answers all the same."""
    odd = outside(pixels, look)
    if not odd:
        return ""
    told = []
    for name, value in list(odd.items())[:NAMED]:
        (measure, *kinds), (low, high) = LOOKS[name], look[name]
        told.append(f"{kinds[value > high]} ({measure} {value:.2f}, theirs {low:.2f} to {high:.2f})")
    words = f"unlike the training images, so the answer means little: it is {' and '.join(told)}"
    negative = ". Its negative is like them: try invert=true" if not outside(255 - pixels, look) else ""
    return words + negative
