from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.common.errors import InputError
from cnnlab.datasets.folder import image_folder
from cnnlab.inference.prepare import prepare


def photo(path: Path, width: int, height: int, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(coarse).resize((width, height)).save(path)
    return path


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_those_that_training_saw(tmp_path: Path, channels: int) -> None:
    """The same files through dataset=image_folder and through predict: equal to the bit."""
    files = [photo(tmp_path / kind / f"{i}.jpg", 50 + 9 * i, 70, seed=i) for kind in ("cat", "dog") for i in range(4)]
    data = image_folder(str(tmp_path), validation=0.25, size=16, channels=channels)
    trained = torch.cat([data.train.images, data.validation.images, data.test.images])
    for file in files:
        pixels = prepare(file, data.shape, {}).pixels
        assert any(torch.equal(pixels, image) for image in trained), file


def test_sixteen_bits_have_the_scale_of_the_training_images(tmp_path: Path) -> None:
    for name, value in (("cat", 60000), ("dog", 3000)):
        for i in range(4):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(np.full((8, 8), value + i, np.uint16)).save(tmp_path / name / f"{i}.png")
    data = image_folder(str(tmp_path), validation=0.25, channels=1)
    assert data.top == 65535 and image_folder(str(tmp_path), channels=1).top == 65535
    dark = prepare(tmp_path / "dog/0.png", data.shape, {}, top=data.top).pixels
    assert int(dark[0, 0, 0]) == 3000 >> 8
    bright = prepare(tmp_path / "cat/0.png", data.shape, {}, top=4095).pixels
    assert int(bright[0, 0, 0]) == 255, "beyond white"


def test_a_picture_that_fits_needs_no_word(tmp_path: Path) -> None:
    file = photo(tmp_path / "a.png", 32, 32)
    picture = prepare(file, (3, 32, 32), {})
    assert picture.words == []
    assert torch.equal(picture.pixels, torch.from_numpy(np.asarray(Image.open(file)).copy()).permute(2, 0, 1))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((64, 64), "64x64 pixels for a network trained on 32x32: reduced to 50 % of its size"),
        (
            (64, 48),
            "64x48 pixels for a network trained on 32x32: reduced to 66.7 % of its size, 25 % cropped at the sides",
        ),
        ((16, 16), "16x16 pixels for a network trained on 32x32: enlarged 2 times"),
        ((40, 32), "40x32 pixels for a network trained on 32x32: not rescaled, 20 % cropped at the sides"),
    ],
)
def test_words_about_the_size(tmp_path: Path, size: tuple[int, int], words: str) -> None:
    assert prepare(photo(tmp_path / "a.png", *size), (3, 32, 32), {}).words == [words]


def test_words_about_colour(tmp_path: Path) -> None:
    colour = photo(tmp_path / "colour.png", 8, 8)
    Image.open(colour).convert("L").save(tmp_path / "grey.png")
    Image.open(colour).convert("RGBA").save(tmp_path / "clear.png")
    assert "colours become shades" in prepare(colour, (1, 8, 8), {}).words[0]
    grey = prepare(tmp_path / "grey.png", (3, 8, 8), {})
    assert "three channels are equal" in grey.words[0] and torch.equal(grey.pixels[0], grey.pixels[2])
    assert "transparent parts" in prepare(tmp_path / "clear.png", (3, 8, 8), {}).words[0]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A bar in ink on paper."""
    ink = np.full((28, 28), 250, np.uint8)
    ink[8:20, 13:15] = 10
    Image.fromarray(ink).save(tmp_path / "scan.png")
    return tmp_path / "scan.png"


DARK = {"brightness": (0.02, 0.3), "border": (0.0, 0.1), "contrast": (0.1, 0.4), "roughness": (0.0, 2.0)}


def test_ink_on_paper_is_told_and_inverted(scan: Path) -> None:
    word = prepare(scan, (1, 28, 28), DARK).unlike
    assert word.startswith("unlike the training images, so the answer means little: it is brighter at its border")
    assert "(mean of the border 0.98, theirs 0.00 to 0.10)" in word and word.endswith(
        "Its negative is like them: try invert=true"
    )
    turned = prepare(scan, (1, 28, 28), DARK, invert=True)
    assert torch.equal(turned.pixels[0], 255 - torch.from_numpy(np.asarray(Image.open(scan)).copy()))
    assert turned.words == ["brightness is inverted (invert=true)"] and turned.unlike == ""


def test_what_is_unlike_in_other_things_too_is_not_to_be_inverted(scan: Path) -> None:
    word = prepare(scan, (1, 28, 28), DARK | {"contrast": (0.5, 0.6)}).unlike
    assert "brighter at its border" in word and "invert" not in word
    word = prepare(scan, (1, 28, 28), {"roughness": (1.0, 2.0)}).unlike
    assert "it is smoother (neighbours differ by 0." in word and word.endswith(", theirs 1.00 to 2.00)")


def test_images_that_training_took_as_they_are_must_have_that_size(tmp_path: Path) -> None:
    file = photo(tmp_path / "a.png", 12, 8)
    assert prepare(file, (3, 8, 12), {}).pixels.shape == (3, 8, 12)
    with pytest.raises(InputError, match=r"12x8 pixels \(width x height\).*of 8x16"):
        prepare(file, (3, 16, 8), {})


def test_a_network_for_other_than_pictures_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="4 channels"):
        prepare(photo(tmp_path / "a.png", 8, 8), (4, 8, 8), {})
