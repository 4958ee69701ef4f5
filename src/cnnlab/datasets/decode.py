"""Decodes image files to uint8 arrays; does not import torch, so that worker processes start in 0.2 s."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError

# PIL refuses a PNG, pixels and all, for one text of over 1 MB, which design programs write; this is its limit for all
# texts of a file together.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY

# Pictures made of pixels, by decoders that run no other program; PIL would give PostScript to Ghostscript.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO", "TGA", "PCX", "SGI")
# About 200 MB while it is decoded. Cameras make 12 to 50 million.
MOST_PIXELS = 64_000_000
AT_MOST = f"at most {MOST_PIXELS / 1e6:.0f} million are decoded; save it smaller"
BACKGROUNDS = ("auto", "white", "black")
DEEP = (255, 4095, 65535)  # the largest values of 8, 12 and 16 bits


class Unsuitable(ValueError):
    """A whole picture that is not decoded, and why."""


class Decoded(NamedTuple):
    """`pixels`: uint8 (channels, H, W). `top`: of 16-bit greyscale, the largest value of the bits that were taken to be
    in use. `paged`: the file has more pages or frames, which are left out."""

    pixels: np.ndarray
    top: int | None
    paged: bool


class Told(NamedTuple):
    """Of a part of the files: how many were tried, how many have more pages, (file, reason) of those that failed, `top`
    of 16-bit greyscale by index, and (width, height) by file of those that have another size than the array."""

    tried: int
    paged: int
    failed: list[tuple[str, str]]
    tops: dict[int, int]
    sizes: dict[str, tuple[int, int]]


def decode_into(
    array: Path,
    start: int,
    files: Sequence[str],
    channels: int,
    size: int | None,
    background: str = "auto",
    top: int | None = None,
) -> Told:
    """Write `files` to the .npy file `array`, uint8 (N, C, H, W), starting at index `start`."""
    images = np.asarray(np.lib.format.open_memmap(array, mode="r+"))
    failed, tops, sizes, paged = [], {}, {}, 0
    for i, file in enumerate(files, start):
        try:
            found = decoded(file, channels, size, background, top)
            if found.pixels.shape != images.shape[1:]:
                sizes[file] = found.pixels.shape[2], found.pixels.shape[1]
                continue
            images[i] = found.pixels
            paged += found.paged
            if found.top is not None:
                tops[i] = found.top
        # PIL's plugins raise arbitrary exceptions for malformed files
        except Exception as error:
            failed.append((file, reason(error)))
    return Told(len(files), paged, failed, tops, sizes)


def decode(file: str, channels: int, size: int | None, background: str = "auto") -> np.ndarray:
    """The pixels of `decoded`."""
    return decoded(file, channels, size, background).pixels


def decoded(file: str, channels: int, size: int | None, background: str = "auto", top: int | None = None) -> Decoded:
    """The first page of the file, with the EXIF orientation applied. With `size`, the shorter side is resized (bilinear
    with antialiasing) and the centre cropped: (channels, size, size). `background`: what transparent parts become, one
    of BACKGROUNDS; auto: white, or black where white would leave nothing to see, as of a white drawing. `top`: of
    16-bit greyscale, the largest value of the bits in use; None: the least of DEEP that holds the picture's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings concern metadata; damaged pixels raise
        with open(file, "rb") as stream:
            if not os.fstat(stream.fileno()).st_size:
                raise ValueError("the file is empty")
            with open_picture(stream) as opened:
                paged, negative, sixteen = _paged(opened), _negative(opened), of_16_bits(opened)
                if size is not None:
                    opened.draft(None, (2 * size, 2 * size))  # lets a large JPEG be decoded at 1/2 to 1/8 scale
                if opened.width * opened.height > MOST_PIXELS:
                    raise Unsuitable(f"{opened.width}x{opened.height} pixels, and {AT_MOST}")
                image, top = _eight_bit(ImageOps.exif_transpose(opened), sixteen, top)
                if negative:
                    image = ImageOps.invert(image)
                image = _opaque(image, background).convert("L" if channels == 1 else "RGB")
    if size is not None and image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return Decoded(pixels[None] if channels == 1 else pixels.transpose(2, 0, 1), top, paged)


def open_picture(file: Path | BinaryIO) -> Image.Image:
    """With its header read. Raises Unsuitable where it has so many pixels that PIL does not open it."""
    try:
        return Image.open(file, formats=known())
    except Image.DecompressionBombError as error:
        raise Unsuitable(f"too many pixels: {AT_MOST}") from error


def _paged(opened: Image.Image) -> bool:
    """Whether there is a second page or frame. That of a camera's JPEG (MPO) is of the same, a preview or for the other
    eye; one that cannot be found is none."""
    try:
        return opened.format != "MPO" and bool(getattr(opened, "is_animated", False))
    except Exception:  # PIL's plugins raise arbitrary exceptions for malformed files
        return False


def of_16_bits(opened: Image.Image) -> bool:
    """Whether it is greyscale of 16 bits. That of a PGM is of 32 to PIL, which scales it to 65535."""
    return opened.mode.startswith("I;16") or (opened.mode == "I" and opened.format == "PPM")


def _negative(opened: Image.Image) -> bool:
    """Whether 0 is white, as in X-rays: of 16 bits in a TIFF, which PIL leaves as they are; of 8 it turns them."""
    return isinstance(opened, TiffImagePlugin.TiffImageFile) and (
        opened.mode.startswith("I;16") and opened.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0
    )


def _opaque(image: Image.Image, background: str) -> Image.Image:
    """Laid on the background. What is stored under transparent parts is no part of the picture: often black, like the
    ink."""
    if not image.has_transparency_data:
        return image
    drawn = image.convert("RGBA")
    colours = ("white", "black") if background == "auto" else (background,)
    grounds = (Image.new("RGBA", drawn.size, colour) for colour in colours)
    laid = [Image.alpha_composite(ground, drawn).convert("RGB") for ground in grounds]
    return next((picture for picture in laid if picture.getcolors(1) is None), laid[0])  # None: more than one colour


def reason(error: Exception) -> str:
    """Why a file could not be decoded, in one line."""
    if isinstance(error, UnidentifiedImageError):  # its message only shows a Python object
        return "not an image, or in a format that PIL cannot read"
    if isinstance(error, OSError) and error.strerror:  # without the path, which is told beside it
        return error.strerror
    return (str(error) or type(error).__name__).splitlines()[0]


def _eight_bit(image: Image.Image, sixteen: bool, top: int | None) -> tuple[Image.Image, int | None]:
    """16-bit greyscale keeps the upper 8 of the bits that are in use: cameras and scanners write 12 into 16. PIL's own
    conversion may clip at 255."""
    if sixteen:
        values = np.asarray(image)
        top = top or next(top for top in DEEP if values.max(initial=0) <= top)
        return Image.fromarray((values.clip(max=top) >> (top.bit_length() - 8)).astype(np.uint8)), top
    if image.mode in ("I", "F"):
        raise Unsuitable(f"its PIL mode is {image.mode}, whose range is not known; save it with 8 bits per channel")
    return image, None


def known() -> list[str]:
    """Those of FORMATS that this PIL can read."""
    Image.init()
    return [kind for kind in FORMATS if kind in Image.OPEN]


def extensions() -> set[str]:
    """File extensions of all formats that are read, e.g. ".png"."""
    kinds = known()
    return {ending for ending, kind in Image.registered_extensions().items() if kind in kinds}
