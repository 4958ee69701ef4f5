"""One picture of each kind that people have."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from cnnlab.datasets.decode import Unsuitable, decode, decode_into, decoded, extensions, reason


def saved(path: Path, image: Image.Image, **options: object) -> str:
    image.save(path, **options)  # type: ignore[arg-type]
    return str(path)


def gradient(width: int, height: int) -> np.ndarray:
    """uint8 (H, W): brighter to the right."""
    return np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))


def test_colour_is_channels_first_and_unchanged(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    found = decode(saved(tmp_path / "a.png", Image.fromarray(pixels)), 3, None)
    assert found.dtype == np.uint8 and np.array_equal(found, pixels.transpose(2, 0, 1))


def test_grey_weighs_colours_as_the_eye_does(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.png", Image.new("RGB", (2, 2), (200, 100, 50)))
    assert decode(file, 1, None).tolist() == [[[round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)] * 2] * 2]


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "LA"])
def test_any_mode_becomes_colour(mode: str, tmp_path: Path) -> None:
    name = "a.jpg" if mode == "CMYK" else "a.png"
    file = saved(tmp_path / name, Image.new("RGB", (8, 8), "white").convert(mode))
    assert decode(file, 3, None).shape == (3, 8, 8) and decode(file, 3, None).min() >= 254


def test_sixteen_bits_keep_their_upper_eight(tmp_path: Path) -> None:
    values = np.array([[0, 255, 256, 32768, 65535]], dtype=np.uint16)
    found = decode(saved(tmp_path / "a.png", Image.fromarray(values)), 1, None)
    assert found.tolist() == [[[0, 0, 1, 128, 255]]]


def test_twelve_bits_in_sixteen_keep_their_range(tmp_path: Path) -> None:
    values = np.array([[0, 16, 2048, 4095]], dtype=np.uint16)
    found = decode(saved(tmp_path / "a.png", Image.fromarray(values)), 1, None)
    assert found.tolist() == [[[0, 1, 128, 255]]]
    eight = np.array([[0, 7, 255]], dtype=np.uint16)
    assert decode(saved(tmp_path / "b.png", Image.fromarray(eight)), 1, None).tolist() == [[[0, 7, 255]]]


@pytest.mark.parametrize("largest", [511, 1023, 65535])
def test_sixteen_bits_in_a_pgm_have_the_range_that_it_declares(largest: int, tmp_path: Path) -> None:
    values = np.array([0, 1, largest // 3, largest], dtype=">u2")
    (tmp_path / "a.pgm").write_bytes(b"P5\n4 1\n%d\n" % largest + values.tobytes())
    found = decoded(str(tmp_path / "a.pgm"), 1, None)
    assert np.abs(found.pixels - 255 * (values.astype(float) / largest)).max() <= 1 and found.top == 65535


def test_twelve_bits_in_a_pgm_of_sixteen_are_read_as_those_in_a_png(tmp_path: Path) -> None:
    values = np.array([[0, 16, 1000, 4095]])
    (tmp_path / "a.pgm").write_bytes(b"P5\n4 1\n65535\n" + values.astype(">u2").tobytes())
    png = saved(tmp_path / "a.png", Image.fromarray(values.astype(np.uint16)))
    for top in (None, 65535):
        found, expected = decoded(str(tmp_path / "a.pgm"), 1, None, top=top), decoded(png, 1, None, top=top)
        assert np.array_equal(found.pixels, expected.pixels) and found.top == expected.top


def test_a_picture_too_large_for_memory_is_refused_by_its_header(tmp_path: Path, monkeypatch) -> None:
    path = saved(tmp_path / "a.png", Image.new("L", (120, 100)))
    monkeypatch.setattr("cnnlab.datasets.decode.MOST_PIXELS", 11_999)
    with pytest.raises(ValueError, match="120x100 pixels, and at most"):
        decode(path, 1, 8)


def test_more_pixels_than_pil_opens_are_told_in_the_same_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = saved(tmp_path / "a.jpg", Image.new("L", (120, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000)
    with pytest.raises(Unsuitable, match="^too many pixels: at most 64 million are decoded; save it smaller$"):
        decode(file, 1, 8)


def test_a_program_that_calls_itself_a_picture_is_not_run(tmp_path: Path) -> None:
    """PIL gives PostScript to Ghostscript, whatever the file is called."""
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with pytest.raises(UnidentifiedImageError):
        decode(str(tmp_path / "a.png"), 1, None)


def test_values_without_a_known_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="range is not known"):
        decode(saved(tmp_path / "a.tiff", Image.fromarray(np.ones((3, 3), np.float32))), 1, None)


def test_a_picture_is_turned_as_the_camera_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned a quarter to the right
    pixels = gradient(8, 4)
    file = saved(tmp_path / "a.png", Image.fromarray(pixels), exif=exif)
    assert np.array_equal(decode(file, 1, None)[0], np.rot90(pixels, -1))


def test_size_keeps_the_shape_of_things_and_cuts_the_centre(tmp_path: Path) -> None:
    pixels = np.zeros((40, 80), dtype=np.uint8)
    pixels[:, 20:60] = 255  # the square in the middle
    assert decode(saved(tmp_path / "a.png", Image.fromarray(pixels)), 1, 10).min() > 200
    assert decode(saved(tmp_path / "b.png", Image.fromarray(pixels.T)), 1, 10).min() > 200


def test_enlarging_is_pils_bilinear(tmp_path: Path) -> None:
    pixels = gradient(6, 6)
    expected = Image.fromarray(pixels).resize((15, 15), Image.Resampling.BILINEAR)
    assert np.array_equal(decode(saved(tmp_path / "a.png", Image.fromarray(pixels)), 1, 15)[0], np.asarray(expected))


def test_a_large_jpeg_decoded_at_a_fraction_looks_the_same(tmp_path: Path) -> None:
    pixels = gradient(1600, 1200)
    file = saved(tmp_path / "a.jpg", Image.fromarray(pixels), quality=95)
    expected = np.asarray(Image.fromarray(pixels[:, 200:1400]).resize((64, 64), Image.Resampling.BILINEAR))
    assert np.abs(decode(file, 1, 64)[0].astype(int) - expected).max() <= 3


def test_many_are_written_to_their_places_and_failures_told(tmp_path: Path) -> None:
    good = saved(tmp_path / "good.png", Image.new("L", (4, 4), 9))
    wide = saved(tmp_path / "wide.png", Image.new("L", (5, 4), 9))
    text, cut = tmp_path / "text.png", tmp_path / "cut.jpg"
    text.write_text("hello")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    cut.write_bytes(Path(saved(tmp_path / "whole.jpg", Image.fromarray(noise))).read_bytes()[:1500])
    array = tmp_path / "images.npy"
    np.lib.format.open_memmap(array, mode="w+", dtype=np.uint8, shape=(6, 1, 4, 4)).flush()
    tried, paged, failed, tops, sizes = decode_into(array, 1, [good, wide, str(text), str(cut), good], 1, None)
    assert not paged and not tops
    assert tried == 5 and [Path(path).name for path, _ in failed] == ["text.png", "cut.jpg"]
    reasons = [reason for _, reason in failed]
    assert sizes == {wide: (5, 4)} and "not an image" in reasons[0] and "truncated" in reasons[1]
    assert np.load(array)[:, 0, 0, 0].tolist() == [0, 9, 0, 0, 0, 9]


def test_extensions_are_of_formats_that_can_be_read() -> None:
    assert {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".ppm"} <= extensions()
    assert not {".pdf", ".txt", ".npy", ".eps", ".ps", ".wmf", ".mpg", ".hdf", ".grib"} & extensions()


@pytest.mark.parametrize("ink", ["black", "white", "gray"])
@pytest.mark.parametrize("under", ["black", "white"])
def test_a_drawing_on_a_transparent_ground_stays_visible(ink: str, under: str, tmp_path: Path) -> None:
    """Whatever colour is stored where nothing is to be seen."""
    image = Image.new("RGBA", (8, 8), under)
    image.putalpha(0)
    image.paste(ink, (2, 2, 6, 6))
    found = decode(saved(tmp_path / "a.png", image), 1, None)[0]
    drawn = np.zeros((8, 8), bool)
    drawn[2:6, 2:6] = True
    (inside,), (outside,) = np.unique(found[drawn]), np.unique(found[~drawn])
    assert inside == {"black": 0, "white": 255, "gray": 128}[ink]
    assert outside == (0 if ink == "white" else 255)


def test_half_transparent_is_half_of_each(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (200, 100, 0, 255))
    image.putpixel((0, 0), (200, 100, 0, 128))
    found = decode(saved(tmp_path / "a.png", image), 3, None)[:, 0, 0].astype(float)
    assert np.abs(found - [(c * 128 + 255 * 127) / 255 for c in (200, 100, 0)]).max() <= 1


def test_a_palette_with_a_transparent_colour_and_grey_with_one(tmp_path: Path) -> None:
    for mode in ("P", "L"):
        image = Image.new(mode, (4, 4), 0)
        image.putpixel((1, 1), 3)
        if mode == "P":
            image.putpalette([0, 0, 0] * 3 + [10, 20, 30])
        found = decode(saved(tmp_path / f"{mode}.png", image, transparency=0), 3, None)
        assert found[:, 0, 0].tolist() == [255] * 3 and found[:, 1, 1].max() <= 30


@pytest.mark.parametrize(("background", "first"), [("white", 255), ("black", 0), ("auto", 255)])
def test_the_background_is_as_asked(background: str, first: int, tmp_path: Path) -> None:
    picture = Image.new("RGBA", (6, 6), (0, 0, 0, 0))
    picture.paste((90, 90, 90, 255), (2, 2, 4, 4))
    found = decode(saved(tmp_path / "a.png", picture), 1, None, background)
    assert found[0, 0, 0] == first and found[0, 2, 2] == 90


def test_nothing_drawn_at_all_is_white(tmp_path: Path) -> None:
    assert decode(saved(tmp_path / "a.png", Image.new("RGBA", (4, 4), (0, 0, 0, 0))), 3, None).min() == 255


def test_a_long_text_in_a_png_does_not_cost_its_pixels(tmp_path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "x" * 2_000_000, zip=True)
    file = saved(tmp_path / "a.png", Image.new("RGB", (4, 4), "red"), pnginfo=text)
    assert decode(file, 3, None)[:, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("white", [0, 1])
def test_sixteen_bits_in_a_tiff_whose_zero_is_white(white: int, tmp_path: Path) -> None:
    """The tag PhotometricInterpretation: 0, MinIsWhite; 1, MinIsBlack."""
    pixels = Image.fromarray(np.array([[0, 256, 65535]], np.uint16))
    found = decode(saved(tmp_path / "a.tif", pixels, tiffinfo={262: white}), 1, None)
    assert found.tolist() == [[[0, 1, 255] if white else [255, 254, 0]]]


def test_a_scale_can_be_given_to_sixteen_bits(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.png", Image.fromarray(np.array([[0, 2048, 4095]], np.uint16)))
    found = decoded(file, 1, None, top=65535)
    assert found.pixels.tolist() == [[[0, 8, 15]]] and found.top == 65535
    assert decoded(file, 1, None).top == 4095


def test_further_pages_are_seen_and_those_that_are_damaged_do_no_harm(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 4), 10 * i) for i in range(3)]
    whole = Path(saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:]))
    assert decoded(str(whole), 1, None).paged and not decoded(saved(tmp_path / "b.gif", frames[0]), 1, None).paged
    (tmp_path / "cut.gif").write_bytes(whole.read_bytes()[:-30])
    assert decoded(str(tmp_path / "cut.gif"), 1, None).pixels.max() == 0
    camera = saved(tmp_path / "a.mpo", frames[0], save_all=True, append_images=frames[1:])
    assert not decoded(camera, 1, None).paged


def test_an_empty_file_and_one_that_may_not_be_read_are_told_so(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(ValueError, match="^the file is empty$"):
        decode(str(tmp_path / "a.png"), 1, None)
    assert reason(PermissionError(13, "Permission denied", "/x/a.png")) == "Permission denied"
