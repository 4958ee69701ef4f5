"""Anyone's folders: both layouts, fixed splits, and what is said of folders that are no set."""

import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pytest
import torch
from PIL import Image

from cnnlab.common.errors import InputError
from cnnlab.datasets import folder
from cnnlab.datasets.base import ImageSet, channel_moments
from cnnlab.datasets.folder import image_folder
from cnnlab.datasets.remarks import remarks

CLASSES = ("cat", "dog", "eel")
Picture = Callable[..., Path]


@pytest.fixture(autouse=True)
def _own_cache(cache: Path) -> None:
    """No test touches the user's cache."""


def fill(root: Path, picture: Picture, each: int, *, first: int = 0, classes: tuple[str, ...] = CLASSES) -> Path:
    """A picture's red is its class, its green its number."""
    for label, name in enumerate(classes):
        for i in range(first, first + each):
            picture(root / name / f"{i}.png", (label, i, 200))
    return root


def numbers(data: ImageSet) -> list[set[tuple[int, int]]]:
    """(class, number) of the images of each split, from their pixels; labels must agree."""
    found = []
    for split in (data.train, data.validation, data.test):
        assert torch.equal(split.images[:, 0, 0, 0].long(), split.labels)
        found.append({(int(image[0, 0, 0]), int(image[1, 0, 0])) for image in split.images})
        assert len(found[-1]) == len(split)
    return found


def test_train_and_test_folders_stay_apart(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path / "pets/train", picture, 20)
    fill(tmp_path / "pets/test", picture, 5, first=100)
    data = image_folder(str(tmp_path / "pets"), validation=0.2)
    train, validation, test = numbers(data)
    assert test == {(c, i) for c in range(3) for i in range(100, 105)}
    assert train | validation == {(c, i) for c in range(3) for i in range(20)} and not train & validation
    assert (data.name, data.classes, data.shape) == ("pets", CLASSES, (3, 6, 6))
    assert data.validation.labels.bincount().tolist() == [4, 4, 4]
    assert (data.mean, data.std) == channel_moments(data.train.images)


def test_one_folder_is_split_the_same_way_every_time(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path, picture, 20)
    first = numbers(image_folder(str(tmp_path)))
    torch.manual_seed(5)
    assert first == numbers(image_folder(str(tmp_path), channels=3))
    assert [len(part) for part in first] == [43, 5, 12]
    assert set.union(*first) == {(c, i) for c in range(3) for i in range(20)} and sum(map(len, first)) == 60
    data = image_folder(str(tmp_path), test=0.5)
    assert data.test.labels.bincount().tolist() == [10, 10, 10]


def test_the_training_images_of_a_large_set_are_not_copied(tmp_path: Path, picture: Picture) -> None:
    data = image_folder(str(fill(tmp_path, picture, 10)))
    start = data.test.images.data_ptr()
    assert data.validation.images.data_ptr() == start + data.test.images.nbytes
    assert data.train.images.data_ptr() == data.validation.images.data_ptr() + data.validation.images.nbytes


def test_formats_and_depths_mix_and_other_files_are_passed_over(tmp_path: Path, picture: Picture) -> None:
    for name in ("cat/a.png", "cat/b.BMP", "dog/old/c.gif", "dog/d.webp"):
        picture(tmp_path / name, (0, 0, 0))
    for name in ("cat/notes.txt", "cat/.hidden.png", "dog/old/Thumbs.db", ".git/x.png", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no image")
    data = image_folder(str(tmp_path))
    assert len(data.train) + len(data.validation) + len(data.test) == 4 and data.classes == ("cat", "dog")


def test_size_and_channels(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path, picture, 4)
    picture(tmp_path / "cat/wide.jpg", (0, 0, 0), (30, 10))
    assert image_folder(str(tmp_path), size=8, channels=1).shape == (1, 8, 8)
    with pytest.raises(InputError, match="dataset.size="):
        image_folder(str(tmp_path))


def test_moments_are_computed_once(tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    first = image_folder(str(fill(tmp_path, picture, 10)))
    other = image_folder(str(tmp_path), validation=0.5)
    monkeypatch.setattr(folder, "channel_moments", None)
    second = image_folder(str(tmp_path))
    assert (second.mean, second.std) == (first.mean, first.std) != (other.mean, other.std)


def test_a_class_named_train_is_a_class(tmp_path: Path, picture: Picture) -> None:
    classes = ("bus", "plane", "train")
    assert image_folder(str(fill(tmp_path, picture, 5, classes=classes))).classes == classes


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"dataset.root={tmp_path}/nowhere is not a folder"):
        image_folder(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("names", [(), ("cat",)])
def test_too_few_classes(names: tuple[str, ...], tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path, picture, 2, classes=names)
    picture(tmp_path / "loose.png", (0, 0, 0))
    with pytest.raises(InputError, match=f"holds {len(names)} folders? of classes"):
        image_folder(str(tmp_path))


@pytest.mark.parametrize("names", [("train",), ("TRAIN",), ("test",), ("val", "test")])
def test_half_of_a_split(names: tuple[str, ...], tmp_path: Path, picture: Picture) -> None:
    for name in names:
        fill(tmp_path / name, picture, 2)
    with pytest.raises(InputError, match=r"has .* both train/ and test/ are needed"):
        image_folder(str(tmp_path))


def test_different_classes(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path / "train", picture, 2)
    fill(tmp_path / "test", picture, 2, classes=("cat", "dog", "fox"))
    with pytest.raises(InputError, match=r"/test has classes that the training .* not: fox. Without images here: eel."):
        image_folder(str(tmp_path))


@pytest.mark.parametrize("empty", [True, False])
def test_the_test_images_may_lack_a_class(empty: bool, tmp_path: Path, picture: Picture) -> None:
    """Labels are those of the names: without `cat`, the third class is still the third."""
    fill(tmp_path / "train", picture, 8)
    fill(tmp_path / "test", picture, 2, first=50)
    for path in (tmp_path / "test/cat").iterdir():
        path.unlink()
    if not empty:
        (tmp_path / "test/cat").rmdir()
    data = image_folder(str(tmp_path))
    assert data.classes == CLASSES and numbers(data)[2] == {(c, i) for c in (1, 2) for i in (50, 51)}
    assert remarks(data)[-1].endswith("no test image of class cat.")


def test_an_empty_class(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path, picture, 2)
    (tmp_path / "fox").mkdir()
    with pytest.raises(InputError, match="fox contains no image"):
        image_folder(str(tmp_path))


def test_a_damaged_image(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path, picture, 3)
    (tmp_path / "dog/1.png").write_bytes((tmp_path / "dog/1.png").read_bytes()[:40])
    with pytest.raises(InputError, match="1 of 9 images cannot be used:\n.*dog/1.png: "):
        image_folder(str(tmp_path), size=6)


def test_a_link_that_leads_nowhere(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path, picture, 2)
    (tmp_path / "cat/gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(InputError, match=r"cat/gone.png cannot be read: No such file .*\nRepair or remove"):
        image_folder(str(tmp_path))
    (tmp_path / "cat/gone.png").unlink()
    (tmp_path / "elk").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"elk cannot be read: No such file"):
        image_folder(str(tmp_path))


def test_transparent_parts_become_what_is_asked(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path, picture, 4)
    for path in tmp_path.rglob("*.png"):
        with Image.open(path) as opened:
            drawn = opened.convert("RGBA")
        drawn.putpixel((0, 0), (9, 9, 9, 0))
        drawn.save(path)
    corners = [int(image_folder(str(tmp_path), background=b).train.images[0, 0, 0, 0]) for b in ("white", "black")]
    assert corners == [255, 0]


KNOBS = [{"channels": 2}, {"test": 0.0}, {"test": 1.0}, {"validation": -1.0}, {"size": 0}, {"background": "grey"}]


@pytest.mark.parametrize("knob", KNOBS)
def test_knobs_out_of_range(knob: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"dataset.{next(iter(knob))}="):
        image_folder(str(tmp_path), **knob)  # type: ignore[arg-type]


@pytest.mark.slow
def test_real_cifar10(real_data: Path) -> None:
    began = perf_counter()
    data = image_folder(str(real_data / "cifar10-jpeg"))
    first = perf_counter() - began
    assert (data.shape, len(data.train), len(data.validation), len(data.test)) == ((3, 32, 32), 45000, 5000, 10000)
    began = perf_counter()
    again = image_folder(str(real_data / "cifar10-jpeg"))
    assert first < 60 and perf_counter() - began < 6  # seconds
    assert torch.equal(data.test.images, again.test.images) and data.mean == again.mean
    assert data.mean == pytest.approx((0.491, 0.482, 0.446), abs=2e-3)


def test_other_files_are_counted_and_hidden_ones_are_not(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path / "pets/train", picture, 4)
    fill(tmp_path / "pets/test", picture, 2)
    assert image_folder(str(tmp_path / "pets")).remarks == ()
    for name in ("train/cat/IMG_1.HEIC", "train/dog/deep/IMG_2.heic", "test/eel/noting", "test/eel/.DS_Store"):
        (tmp_path / "pets" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(b"x")
    (found,) = image_folder(str(tmp_path / "pets")).remarks
    assert "3 files skipped" in found and "2 .heic, 1 without an ending" in found


def test_class_names_that_are_no_text_are_refused_and_file_names_are_not(tmp_path: Path, picture: Picture) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    try:
        odd.mkdir()
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    fill(tmp_path / "pets", picture, 4)
    picture(tmp_path / "one.png", (0, 9, 200)).rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/pets/cat/\xe9.png")))
    assert sum(map(len, numbers(image_folder(str(tmp_path / "pets"))))) == 13
    odd.rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/pets/caf\xe9")))
    with pytest.raises(InputError, match=r"not UTF-8: 'caf\\xe9'") as error:
        image_folder(str(tmp_path / "pets"))
    assert str(error.value).encode() and "convmv" in str(error.value)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("Train", "TEST"), None),
        (("training", "testing"), None),
        (("train", "val"), "there is no test/, so val/ is the test split"),
        (("TRAIN", "Valid"), "so Valid/ is the test split"),
        (("train", "test", "val"), "not read, since they are neither train/ nor test/: val"),
    ],
)
def test_splits_as_people_call_them(names, told, tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path / names[0], picture, 20)
    for name in names[1:]:
        fill(tmp_path / name, picture, 5, first=100)
    data = image_folder(str(tmp_path))
    train, validation, test = numbers(data)
    assert test == {(c, i) for c in range(3) for i in range(100, 105)} and len(train | validation) == 60
    assert [told in remark for remark in data.remarks] == ([True] if told else [])


def test_one_folder_too_many_is_told_with_the_right_one(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path / "photos" / "train", picture, 2)
    fill(tmp_path / "photos" / "test", picture, 2)
    with pytest.raises(InputError, match=f"The folders are in .*: dataset.root={tmp_path}/photos$"):
        image_folder(str(tmp_path))


def test_links_are_followed_once(tmp_path: Path, picture: Picture) -> None:
    """A link to a folder above leads round and round."""
    fill(tmp_path / "pets", picture, 4)
    fill(tmp_path / "more", picture, 2, first=50, classes=("cat",))
    (tmp_path / "pets/cat/more").symlink_to(tmp_path / "more/cat")
    (tmp_path / "pets/dog/loop").symlink_to(tmp_path / "pets/dog")
    (tmp_path / "pets/eel/all").symlink_to(tmp_path / "pets")
    data = image_folder(str(tmp_path / "pets"))
    assert sum(map(len, numbers(data))) == 3 * 4 + 2
    assert "a second time, not read again" in data.remarks[0]


def test_a_pipe_with_the_name_of_a_picture_does_not_hang(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path, picture, 4)
    os.mkfifo(tmp_path / "cat" / "pipe.png")
    data = image_folder(str(tmp_path))
    assert sum(map(len, numbers(data))) == 12 and "1 pipe or device" in data.remarks[0]


def test_an_accent_is_the_same_whichever_system_wrote_it(tmp_path: Path, picture: Picture) -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    fill(tmp_path / "pets/train", picture, 4, classes=(composed, "tea"))
    fill(tmp_path / "pets/test", picture, 2, classes=(apart, "tea"))
    assert image_folder(str(tmp_path / "pets")).classes == (composed, "tea")
    fill(tmp_path / "both", picture, 2, classes=(composed, apart))
    with pytest.raises(InputError, match="NFC and NFD"):
        image_folder(str(tmp_path / "both"))


def test_a_picture_is_seen_to_be_another_with_the_same_size_and_time(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path, picture, 4)
    before = numbers(image_folder(str(tmp_path), validation=0.25))
    one, other = tmp_path / "cat/0.png", tmp_path / "cat/3.png"
    old, status = one.read_bytes(), one.stat()
    assert len(old) == len(other.read_bytes())
    one.write_bytes(other.read_bytes())
    other.write_bytes(old)
    for path in (one, other):
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert numbers(image_folder(str(tmp_path), validation=0.25)) != before
