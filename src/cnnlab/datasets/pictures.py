"""Pictures to inspect: two drawn by code, and image files."""

import glob
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import ExifTags, Image, ImageDraw, UnidentifiedImageError
from torch import Tensor
from torch.nn.functional import interpolate

from cnnlab.common.errors import InputError, did_you_mean
from cnnlab.common.words import expanded
from cnnlab.datasets.decode import Unsuitable, decoded, extensions, of_16_bits, open_picture
from cnnlab.datasets.splits import hidden

LOOKED_AT = 10_000  # files of a folder, for their endings

# The smiley of the underlying text: eyes, nose and mouth in 7x7 cells.
SMILEY = (
    (0, 0, 0, 0, 0, 0, 0),
    (0, 1, 0, 0, 0, 1, 0),
    (0, 0, 0, 0, 0, 0, 0),
    (0, 0, 0, 1, 0, 0, 0),
    (0, 1, 0, 0, 0, 1, 0),
    (0, 0, 1, 1, 1, 0, 0),
    (0, 0, 0, 0, 0, 0, 0),
)


def smiley() -> Tensor:
    """uint8 (1, 7, 7) of zeros and ones, not of grey levels."""
    return torch.tensor([SMILEY], dtype=torch.uint8)


def scene() -> Tensor:
    """uint8 (3, 192, 192): a house at dusk: edges in all directions, curves, a gradient and textures."""
    side, fine = 192, 4
    picture = Image.new("RGB", (side * fine, side * fine))
    draw = ImageDraw.Draw(picture)

    def box(x0: float, y0: float, x1: float, y1: float, colour: str) -> None:
        draw.rectangle((x0 * fine, y0 * fine, x1 * fine - 1, y1 * fine - 1), fill=colour)

    def shape(*points: tuple[float, float], colour: str) -> None:
        draw.polygon([(x * fine, y * fine) for x, y in points], fill=colour)

    for y in range(side):
        box(0, y, side, y + 1, f"rgb({120 + y // 2},{160 + y // 4},{225 - y // 6})")
    draw.ellipse([c * fine for c in (138, 18, 172, 52)], fill="#ffd75a")
    shape((0, 120), (50, 82), (96, 112), (150, 72), (192, 104), (192, 192), (0, 192), colour="#6f87a8")
    box(0, 140, 192, 192, "#5f8f4a")
    box(44, 92, 128, 158, "#c4674a")
    for row, y in enumerate(range(92, 158, 6)):
        box(44, y, 128, y + 1, "#a04c36")
        for x in range(44 + 6 * (row % 2), 128, 12):
            box(x, y, x + 1, y + 6, "#a04c36")
    shape((34, 94), (86, 50), (138, 94), colour="#4a3a3f")
    box(78, 122, 96, 158, "#3c2a24")
    for x in (53, 105):
        box(x, 106, x + 16, 124, "#f4efe0")
        box(x + 2, 108, x + 14, 122, "#2f4858")
        box(x + 7, 108, x + 9, 122, "#f4efe0")
    for x in range(146, 190, 8):
        box(x, 134, x + 4, 158, "#f4efe0")
    box(142, 142, 192, 145, "#f4efe0")
    pixels = np.asarray(picture.resize((side, side), Image.Resampling.BOX), dtype=np.float64).copy()
    grain = np.random.default_rng(0).normal(0, 14, (side, side, 1))
    pixels[158:] += grain[158:]
    return torch.from_numpy(pixels.clip(0, 255).astype(np.uint8)).permute(2, 0, 1).contiguous()


DRAWN = {"scene": scene, "smiley": smiley}


def load(name: str, largest: int) -> Tensor:
    """The drawn picture or the file `name`, uint8 (1 or 3, H, W), downscaled to a longer side of at most `largest`."""
    if name in DRAWN:
        return DRAWN[name]()
    found = find(name)
    if len(found) > 1:
        raise InputError(
            f"image={name} matches {len(found)} pictures, but only one is allowed.\nGive one, e.g. {found[0]}."
        )
    pixels = read(found[0], 1 if header(found[0]).grey else 3, None)
    scale = largest / max(pixels.shape[1:])
    if scale >= 1:
        return pixels
    size = [max(1, round(side * scale)) for side in pixels.shape[1:]]
    return interpolate(pixels[None], size=size, mode="bilinear", antialias=True)[0]


def find(pattern: str) -> list[Path]:
    """The pictures that a path or a glob pattern matches, sorted; InputError if there are none."""
    return matches(pattern)[0]


def matches(pattern: str) -> tuple[list[Path], list[Path]]:
    """The pictures that a path or a glob pattern matches, sorted, and the files that it matches beside them: with
    another ending than pictures have, and no picture inside. InputError if there are none."""
    path = expanded("image", pattern)
    if os.path.isfile(path):
        return [path], []
    if os.path.isdir(path):
        raise InputError(f"image={pattern} is a folder.\n{_pattern_for(path, pattern)}")
    found = [Path(name) for name in sorted(glob.glob(str(path), recursive=True)) if Path(name).is_file()]
    if not found:
        siblings = [p.name for p in path.parent.iterdir() if p.is_file()] if os.path.isdir(path.parent) else []
        where = "no such file" if os.path.isdir(path.parent) else f"there is no folder {path.parent}"
        raise InputError(
            f"image={pattern}: {where}.{did_you_mean(path.name, siblings)}\n"
            "Give a picture (image=cat.png) or a pattern in quotes ('image=photos/*.png')."
        )
    endings = extensions()
    others = [file for file in found if file.suffix.lower() not in endings and not _is_picture(file)]
    left = set(others)
    kept = [file for file in found if file not in left]
    return (kept, others) if kept else (found, [])


def _pattern_for(folder: Path, given: str) -> str:
    """What to type for the pictures in a folder, or in the folders in it."""
    for depth in ("", "**/"):
        files = (path for path in folder.glob(f"{depth}*") if path.is_file() and not hidden(path.name))
        endings = {path.suffix for path in islice(files, LOOKED_AT)}
        kinds = [ending for ending in endings if ending.lower() in extensions()]
        if kinds:
            every = f"*{kinds[0]}" if len(kinds) == 1 else "*"
            return f"Give a pattern for the pictures in it: 'image={Path(given) / depth / every}'."
    return "There is no picture in it: give a file that PIL reads: PNG, JPEG, WebP, GIF, BMP, TIFF."


def _is_picture(path: Path) -> bool:
    try:
        header(path)
    except InputError:
        return False
    return True


class Header(NamedTuple):
    """Facts from an image file's header; width and height after the EXIF rotation."""

    width: int
    height: int
    grey: bool
    transparent: bool


def header(path: Path) -> Header:
    """Read without decoding; InputError if the file is not a picture."""
    with _as_input_error(path), open_picture(path) as picture:
        width, height = picture.size
        if picture.getexif().get(ExifTags.Base.Orientation, 1) >= 5:
            width, height = height, width
        grey = picture.mode in ("1", "L", "LA", "La") or of_16_bits(picture)
        return Header(width, height, grey, "A" in picture.getbands() or "transparency" in picture.info)


def read(path: Path, channels: int, size: int | None, background: str = "auto", top: int | None = None) -> Tensor:
    """uint8 (channels, H, W), decoded like a training set's files; InputError if the file is not a picture."""
    with _as_input_error(path):
        return torch.from_numpy(decoded(str(path), channels, size, background, top).pixels.copy())


@contextmanager
def _as_input_error(path: Path) -> Iterator[None]:
    """Turn whatever PIL and its plugins raise for a malformed file into an InputError that names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings concern metadata; damaged pixels raise
            yield
    except UnidentifiedImageError as error:
        if (ending := path.suffix.lower()) not in {"", *extensions()}:  # as .heic of telephones
            raise InputError(
                f"{path} is not a picture of a known format, but {ending}.\nSave it as .jpg or .png."
            ) from error
        raise InputError(
            f"{path} is not a picture.\nGive a file that PIL reads: PNG, JPEG, WebP, GIF, BMP, TIFF."
        ) from error
    except Unsuitable as error:
        raise InputError(f"{path} cannot be read as a picture: {error}.") from error
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as a picture: {error}.\nIt may be truncated: copy or save it again."
        ) from error
