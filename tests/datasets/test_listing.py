"""The files of class folders, and the words for what is not among them."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from cnnlab.common.errors import InputError
from cnnlab.datasets.listing import Listing, list_files
from cnnlab.datasets.places import Places

Picture = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path, picture: Picture) -> Path:
    for name in ("cat/1.png", "cat/old/2.png", "dog/3.png"):
        picture(tmp_path / name, (0, 0, 0))
    return tmp_path


def files_of(home: Path, part: str = "", learned: Listing | None = None) -> Listing:
    return list_files(Places(home, [part]), part, learned)


def test_files_come_by_class_and_path_with_their_labels(home: Path) -> None:
    found = files_of(home)
    assert [(file.path, file.label) for file in found.files] == [
        ("cat/1.png", 0),
        ("cat/old/2.png", 0),
        ("dog/3.png", 1),
    ]
    assert found.classes == ("cat", "dog") and not found.skipped and not found.remarks


LEARNED = Listing(Path("pets/train"), ("bee", "cat", "dog"), [], Counter(), ())


def test_labels_are_those_of_the_training_classes(home: Path) -> None:
    found = files_of(home, "", LEARNED)
    assert found.classes == ("bee", "cat", "dog") and [file.label for file in found.files] == [1, 1, 2]


def test_pictures_beside_the_classes_are_told(home: Path, picture: Picture) -> None:
    picture(home / "loose.png", (0, 0, 0))
    assert files_of(home).remarks == (f"{home}: 1 picture beside the folders of classes, not read.",)


def test_pictures_in_no_class_at_all_are_told(tmp_path: Path, picture: Picture) -> None:
    """As they come with a table of labels."""
    for i in range(3):
        picture(tmp_path / f"{i}.png", (0, 0, 0))
    with pytest.raises(InputError, match="holds 0 folders of classes, and 3 pictures in none; at least two are needed"):
        files_of(tmp_path)


@pytest.mark.parametrize("below", ["images", "set/images/all"])
def test_classes_too_deep_in_a_split_are_told(below: str, tmp_path: Path, picture: Picture) -> None:
    for name in ("cat/1.png", "dog/2.png"):
        picture(tmp_path / "train" / below / name, (0, 0, 0))
        picture(tmp_path / "test" / below / name, (0, 0, 0))
    with pytest.raises(InputError, match=f": mv {tmp_path}/train/{below}/\\* {tmp_path}/train$"):
        files_of(tmp_path, "train")
    with pytest.raises(InputError, match=f": mv {tmp_path}/test/{below}/\\* {tmp_path}/test$"):
        files_of(tmp_path, "test", LEARNED)


def test_splits_two_levels_below_are_told(tmp_path: Path, picture: Picture) -> None:
    for name in ("train/cat/1.png", "test/cat/2.png"):
        picture(tmp_path / "pets/images" / name, (0, 0, 0))
    with pytest.raises(InputError, match=f"The folders are in .*: dataset.root={tmp_path}/pets/images$"):
        files_of(tmp_path)


def test_folders_that_all_hold_the_same_folders_may_not_be_the_classes(tmp_path: Path, picture: Picture) -> None:
    """As of cameras, years or folds."""
    for name in ("cam1/cat", "cam1/dog", "cam2/cat", "cam2/dog"):
        picture(tmp_path / name / "1.png", (0, 0, 0))
    [told] = files_of(tmp_path).remarks
    assert told == (
        f"{tmp_path}: the classes are cam1/, cam2/, and each of them has cat/, dog/. If these are the classes, "
        f"put them on top: {tmp_path}/cat/cam1/*, {tmp_path}/dog/cam1/*, ..."
    )


@pytest.mark.parametrize("more", ["cam1/emu/1.png", "cam2/1.png", "cam3/old/1.png"])
def test_folders_that_hold_others_or_pictures_are_classes(more: str, tmp_path: Path, picture: Picture) -> None:
    for name in ("cam1/cat/1.png", "cam1/dog/1.png", "cam2/cat/1.png", "cam2/dog/1.png", more):
        picture(tmp_path / name, (0, 0, 0))
    assert not files_of(tmp_path).remarks


def test_one_folder_in_each_class_is_no_class(tmp_path: Path, picture: Picture) -> None:
    for name in ("n01/images/1.png", "n02/images/1.png"):
        picture(tmp_path / name, (0, 0, 0))
    assert not files_of(tmp_path).remarks


def test_test_images_may_be_of_one_class(tmp_path: Path, picture: Picture) -> None:
    picture(tmp_path / "dog/1.png", (0, 0, 0))
    found = files_of(tmp_path, "", LEARNED)
    assert found.classes == LEARNED.classes and [file.label for file in found.files] == [2]


@pytest.mark.parametrize(
    ("names", "holds"),
    [
        (("1.png", "2.png"), "0 folders of classes, and 2 pictures in none"),
        (("unknown/1.png",), "1 folder of classes"),
        (("cat/notes.txt",), "1 folder of classes"),
        (("cat/notes.txt", "dog/notes.txt"), "2 folders of classes"),
        ((), "0 folders of classes"),
    ],
)
def test_test_images_without_labels_are_told_what_works(
    names: tuple[str, ...], holds: str, tmp_path: Path, picture: Picture
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture(tmp_path / name, (0, 0, 0)) if name.endswith("png") else (tmp_path / name).touch()
    with pytest.raises(InputError) as told:
        files_of(tmp_path, "", LEARNED)
    first, second, third = str(told.value).splitlines()
    assert first == f"{tmp_path} holds {holds}: no image of the training classes (bee, cat, dog)."
    assert f"{tmp_path}/bee" in second and third.startswith("dataset.root=pets/train takes")


def test_thumbnails_that_a_system_made_are_no_images(home: Path, picture: Picture) -> None:
    picture(home / "cat/@eaDir/1.png/SYNOPHOTO_THUMB_M.png", (0, 0, 0))
    assert len(files_of(home).files) == 3


def test_a_class_of_other_files_is_told_with_their_endings(home: Path) -> None:
    (home / "eel").mkdir()
    for i in range(4):
        (home / f"eel/{i}.HEIC").touch()
    with pytest.raises(InputError, match=r"eel: 4 files skipped, .*: 4 .heic.\nThere is no other"):
        files_of(home)


@pytest.mark.parametrize("name", ["ant", "eel"])  # before the real class, and behind it
def test_a_class_that_is_a_link_to_another_is_named_as_the_link(name: str, home: Path) -> None:
    (home / name).symlink_to(home / "dog")
    with pytest.raises(InputError) as told:
        files_of(home)
    first, second = str(told.value).splitlines()
    assert (
        first == f"{home}/{name} has no image of its own: {home}/{name} is a link to {home}/dog, which is read already."
    )
    assert second.endswith("put copies of others there, or remove the link.")


@pytest.mark.parametrize("link", ["train", "test"])
def test_one_folder_as_training_and_test_names_the_split_that_is_the_link(
    link: str, tmp_path: Path, picture: Picture
) -> None:
    real = "test" if link == "train" else "train"
    for name in ("cat/1.png", "dog/2.png"):
        picture(tmp_path / real / name, (0, 0, 0))
    (tmp_path / link).symlink_to(tmp_path / real)
    places = Places(tmp_path, ["train", "test"])
    with pytest.raises(
        InputError, match=f"by the link {tmp_path}/{link}, {tmp_path}/{link}/cat is {tmp_path}/{real}/cat"
    ):
        list_files(places, "test", list_files(places, "train"))


def test_images_have_the_class_that_they_are_stored_in(home: Path, picture: Picture) -> None:
    """Whichever class comes first, and also where a link leads to all of them: not into a circle either."""
    plain = files_of(home).files
    (home / "cat/others").symlink_to(home / "dog")
    (home / "dog/others").symlink_to(home / "cat/old")
    (home / "cat/all").symlink_to("..")
    picture(home / "loose.png", (0, 0, 0))
    found = files_of(home)
    assert found.files == plain
    assert found.remarks[0] == (
        f"{home}: links lead to 3 folders a second time, not read again: {home}/cat/all is a link to {home}, "
        f"{home}/cat/others is a link to {home}/dog, {home}/dog/others is a link to {home}/cat/old."
    )


def test_names_that_differ_in_case_or_spaces_are_two_classes_and_told(home: Path, picture: Picture) -> None:
    picture(home / "Cat /4.png", (0, 0, 0))
    found = files_of(home)
    assert found.classes == ("Cat ", "cat", "dog")
    assert found.remarks == (f"{home}: 'Cat ' and 'cat' are read as different classes.",)


def test_a_folder_that_cannot_be_read_is_not_passed_over(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "old":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError):
        files_of(home)
