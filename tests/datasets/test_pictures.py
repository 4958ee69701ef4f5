from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.common.errors import InputError
from cnnlab.datasets.pictures import Header, find, header, load, matches, read, scene, smiley


def test_drawn_pictures() -> None:
    assert smiley().shape == (1, 7, 7) and int(smiley().sum()) == 8
    assert scene().shape == (3, 192, 192) and scene().dtype == torch.uint8
    assert torch.equal(scene(), scene())
    assert torch.equal(load("smiley", 5), smiley())


def test_large_pictures_are_brought_to_size(tmp_path: Path) -> None:
    Image.new("RGB", (400, 100), (10, 20, 30)).save(tmp_path / "wide.png")
    Image.new("L", (8, 6), 7).save(tmp_path / "small.png")
    wide = load(str(tmp_path / "wide.png"), 200)
    assert wide.shape == (3, 50, 200) and wide[:, 0, 0].tolist() == [10, 20, 30]
    assert load(str(tmp_path / "small.png"), 200).shape == (1, 6, 8)


def test_find(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "c.txt"):
        (tmp_path / name).touch()
    assert find(f"{tmp_path}/*.png") == [tmp_path / "a.png", tmp_path / "b.png"]
    assert find(str(tmp_path / "b.png")) == [tmp_path / "b.png"]
    with pytest.raises(InputError, match=r"Did you mean 'a\.png'"):
        find(str(tmp_path / "a.pgn"))
    with pytest.raises(InputError, match="is a folder"):
        find(str(tmp_path))
    with pytest.raises(InputError, match="there is no folder"):
        find(str(tmp_path / "none" / "x.png"))
    with pytest.raises(InputError, match="2 pictures, but only one is allowed"):
        load(f"{tmp_path}/*.png", 100)


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["1.png", "2.png", "notes.txt"], "*.png"),
        (["1.jpg"], "*.jpg"),
        (["1.JPG", "2.JPG"], "*.JPG"),
        (["1.jpg", "2.png"], "*"),
        (["cat/1.jpg", "dog/2.jpg", "notes.txt"], "**/*.jpg"),
        (["a/cat/1.jpg", "a/dog/2.png"], "**/*"),
        (["1.png", "cat/2.png"], "*.png"),
    ],
)
def test_a_folder_is_told_with_the_pattern_of_what_is_in_it(names: list[str], pattern: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch() if name.endswith("txt") else Image.new("L", (2, 2)).save(tmp_path / name)
    with pytest.raises(InputError, match="is a folder") as told:
        find(str(tmp_path))
    words = str(told.value)
    assert words.endswith(f"'image={tmp_path}/{pattern}'.")
    assert find(words.split("'")[1].removeprefix("image="))


def test_a_folder_without_pictures_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder.\nThere is no picture in it"):
        find(str(tmp_path))


def test_files_that_are_no_pictures_are_passed_over_where_others_are_left(tmp_path: Path) -> None:
    for name in ("a.png", "picture"):  # also one without an ending
        Image.new("L", (2, 2)).save(tmp_path / name, "PNG")
    for name in ("notes.txt", "table.CSV"):
        (tmp_path / name).write_text("no picture")
    assert find(f"{tmp_path}/*") == [tmp_path / "a.png", tmp_path / "picture"]
    assert matches(f"{tmp_path}/*")[1] == [tmp_path / "notes.txt", tmp_path / "table.CSV"]
    assert matches(f"{tmp_path}/*.txt") == ([tmp_path / "notes.txt"], [])
    assert matches(f"{tmp_path}/notes.txt") == ([tmp_path / "notes.txt"], [])


def test_header_tells_what_the_file_says(tmp_path: Path) -> None:
    Image.new("L", (8, 6)).save(tmp_path / "grey.png")
    Image.new("RGBA", (8, 6)).save(tmp_path / "clear.png")
    Image.fromarray(np.full((6, 8), 40000, np.uint16)).save(tmp_path / "deep.png")
    (tmp_path / "deep.pgm").write_bytes(b"P5\n8 6\n65535\n" + bytes(96))
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera held upright
    Image.new("RGB", (8, 6)).save(tmp_path / "turned.jpg", exif=exif)
    assert header(tmp_path / "grey.png") == Header(8, 6, True, False)
    assert header(tmp_path / "clear.png") == Header(8, 6, False, True)
    assert header(tmp_path / "deep.png") == Header(8, 6, True, False)
    assert header(tmp_path / "deep.pgm") == Header(8, 6, True, False)
    assert header(tmp_path / "turned.jpg") == Header(6, 8, False, False)
    assert read(tmp_path / "turned.jpg", 3, None).shape == (3, 8, 6)
    assert int(read(tmp_path / "deep.png", 1, None)[0, 0, 0]) == 40000 >> 8


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(InputError, match=r"text\.png is not a picture"):
        header(tmp_path / "text.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:4000])
    with pytest.raises(InputError, match=r"cut\.png cannot be read"):
        read(tmp_path / "cut.png", 3, None)
    Image.fromarray(np.ones((3, 3), np.float32)).save(tmp_path / "whole.tif")
    with pytest.raises(
        InputError, match=r"whole.tif cannot .* its PIL mode is F, .*save it with 8 bits per channel\.$"
    ):
        read(tmp_path / "whole.tif", 3, None)


@pytest.mark.parametrize("name", ["IMG_1.HEIC", "page.pdf"])
def test_a_file_of_another_kind_is_named_by_its_ending(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"0000ftypheic")
    with pytest.raises(InputError, match=f"{name} is not a picture of a known format, but .*\nSave it as .jpg or .png"):
        header(tmp_path / name)


def test_a_name_that_no_file_system_takes_is_one_that_is_not_there() -> None:
    with pytest.raises(InputError, match="no such file"):
        find(300 * "a")
