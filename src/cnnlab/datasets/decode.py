"""Image files to arrays of bytes; free of torch, so that a process that decodes starts in 0.2 s."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError


def decode_into(
    array: Path, start: int, files: Sequence[str], channels: int, size: int | None
) -> tuple[int, list[tuple[str, str]]]:
    """Write `files` as the images from `start` on of the .npy file `array`, uint8 (N, C, H, W).

    Returns how many were tried and, for those that failed, (file, reason).
    """
    images = np.asarray(np.lib.format.open_memmap(array, mode="r+"))
    failed = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about metadata; what spoils pixels raises
        for i, file in enumerate(files, start):
            try:
                pixels = decode(file, channels, size)
                if pixels.shape != images.shape[1:]:
                    (_, h, w), (_, first_h, first_w) = pixels.shape, images.shape[1:]
                    raise ValueError(f"{w}x{h} pixels, not {first_w}x{first_h}")
                images[i] = pixels
            # PIL's plugins raise all kinds of errors for bytes that they do not expect
            except Exception as error:
                failed.append((file, reason(error)))
    return len(files), failed


def decode(file: str, channels: int, size: int | None) -> np.ndarray:
    """uint8 (channels, H, W), turned as the camera says. With `size`, the shorter side is resized (bilinear with
    antialias) and the centre cut out: (channels, size, size)."""
    with open(file, "rb") as stream, Image.open(stream) as opened:
        if size is not None:
            opened.draft(None, (2 * size, 2 * size))  # a large JPEG is decoded at 1/2 to 1/8 of its side
        image = _eight_bit(ImageOps.exif_transpose(opened)).convert("L" if channels == 1 else "RGB")
    if size is not None and image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def reason(error: Exception) -> str:
    """Why a file could not be decoded, in one line."""
    if isinstance(error, UnidentifiedImageError):  # its own words are about a Python object
        return "no image, or of a kind that PIL does not know"
    return (str(error) or type(error).__name__).splitlines()[0]


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey images of 16 bits keep their upper 8, where PIL's own conversion may cut all above 255."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels are of PIL's kind {image.mode}, whose range is not known; save it with 8 bits")
    return image


def extensions() -> set[str]:
    """What names of images end with, e.g. ".png": every format that PIL reads."""
    return {ending for ending, kind in Image.registered_extensions().items() if kind in Image.OPEN}
