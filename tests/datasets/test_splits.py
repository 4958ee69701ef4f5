"""Folders as people name and nest them: which are splits, and which cannot be told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cnnlab.common.errors import InputError
from cnnlab.datasets.splits import Layout, classes_in, folders, layout_of, pictures

Picture = Callable[..., Path]


def grown(root: Path, picture: Picture, *names: str) -> Path:
    for name in names:
        picture(root / name / "1.png", (0, 0, 0))
    return root


def both(*splits: str) -> list[str]:
    return [f"{split}/{name}" for split in splits for name in ("cat", "dog")]


@pytest.mark.parametrize("names", [("TRAIN", "Test"), ("training", "testing")])
def test_the_usual_names_in_any_case(names: tuple[str, str], tmp_path: Path, picture: Picture) -> None:
    assert layout_of(grown(tmp_path, picture, *both(*names))) == Layout(*names)


def test_pictures_beside_the_splits_are_told(tmp_path: Path, picture: Picture) -> None:
    found = layout_of(grown(tmp_path, picture, *both("train", "test"), "."))
    assert found.remarks == (f"{tmp_path}: 1 picture beside the splits, not read.",)


@pytest.mark.parametrize("name", ["val", "Valid", "validation", "dev", "eval"])
def test_validation_images_are_the_test_where_there_is_no_other(name: str, tmp_path: Path, picture: Picture) -> None:
    found = layout_of(grown(tmp_path, picture, *both("train", name)))
    assert (found.train, found.test) == ("train", name) and f"{name}/ is the test split" in found.remarks[0]


@pytest.mark.parametrize("name", ["test", "Testing"])
def test_validation_images_are_the_test_where_that_has_no_labels(name: str, tmp_path: Path, picture: Picture) -> None:
    found = layout_of(grown(tmp_path, picture, *both("train", "val"), name))
    words = f"{tmp_path}: {name}/ has no folders of classes, so val/ is the test split."
    assert found == Layout("train", "val", (words,))


def test_a_test_without_labels_is_the_test_where_there_is_no_other(tmp_path: Path, picture: Picture) -> None:
    assert layout_of(grown(tmp_path, picture, *both("train"), "test")) == Layout("train", "test")


@pytest.mark.parametrize(
    "names",
    [
        ("cat", "dog"),
        ("bus", "train"),  # a vehicle
        ("crash_test", "steam_train"),
        ("latest/a", "trains/b"),
        ("bus/city", "bus/school", "train/steam", "train/fast"),
        ("crash_test/front", "steam_train/old"),
        ("cat/indoors", "cat/outdoors", "dog/indoors", "dog/outdoors"),
        ("cat/train", "dog"),
        ("train 1", "train 2"),
        ("bus", "train", "evaluation_car"),
    ],
)
def test_what_looks_like_classes_is_classes(names: tuple[str, ...], tmp_path: Path, picture: Picture) -> None:
    assert layout_of(grown(tmp_path, picture, *names)) == Layout("", None)


@pytest.mark.parametrize(
    ("names", "links"),
    [
        (both("seg_test", "seg_train"), "ln -s seg_train {}/train; ln -s seg_test {}/test"),
        (both("train-images", "TestImages"), "ln -s train-images {}/train; ln -s TestImages {}/test"),
        (both("trainset", "testset"), "ln -s trainset {}/train; ln -s testset {}/test"),
        (both("training_set/training_set", "test_set/test_set"), "training_set/training_set {}/train; "),
        (both("train", "val_256", "extra"), "ln -s train {}/train; ln -s val_256 {}/test"),
    ],
)
def test_splits_by_other_names_are_no_classes(names: list[str], links: str, tmp_path: Path, picture: Picture) -> None:
    with pytest.raises(InputError, match="splits by their names, not classes") as told:
        layout_of(grown(tmp_path, picture, *names))
    assert links.format(tmp_path, tmp_path) in str(told.value)


@pytest.mark.parametrize(
    "names",
    [
        both("train"),
        both("train", "more"),
        [*both("train"), "test1"],
        both("val", "test"),
        [*both("train"), "test1/unknown"],
    ],
)
def test_half_of_a_split_is_told(names: list[str], tmp_path: Path, picture: Picture) -> None:
    with pytest.raises(InputError, match="both train/ and test/ are needed"):
        layout_of(grown(tmp_path, picture, *names))


@pytest.mark.parametrize(
    "names",
    [("train", "test1"), ("train_images", "test_images"), ("trainingSet", "testSet"), ("Train-1", "val1", "test1")],
)
def test_splits_without_classes_are_no_classes(names: tuple[str, ...], tmp_path: Path, picture: Picture) -> None:
    train = tmp_path / names[0]
    with pytest.raises(InputError, match=f"splits by their names, not classes, and {names[0]}/ has no") as told:
        layout_of(grown(tmp_path, picture, *names))
    assert f"{train}/cat/*" in str(told.value) and str(told.value).endswith(f"dataset.root={train}")


def test_splits_within_each_class_are_told(tmp_path: Path, picture: Picture) -> None:
    with pytest.raises(
        InputError, match=r"each class is divided into test/, train/, .*\n.*train/cat/\*, .*test/cat/\*"
    ):
        layout_of(
            grown(tmp_path, picture, *(f"{name}/{split}" for name in ("cat", "dog") for split in ("train", "test")))
        )


def test_folders_that_systems_make_are_none(tmp_path: Path, picture: Picture) -> None:
    grown(tmp_path, picture, "cat", "__MACOSX", "@eaDir", "lost+found", ".git", ".")
    (tmp_path / ".hidden.png").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "odd.jpg").mkdir()
    assert folders(tmp_path) == ["cat", "odd.jpg"] and pictures(tmp_path) == 1


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"dataset.root={tmp_path}/nowhere is not a folder"):
        layout_of(tmp_path / "nowhere")


def test_the_only_folder_in_another_is_looked_into_but_not_round_and_round(tmp_path: Path, picture: Picture) -> None:
    grown(tmp_path, picture, *both("a/b/c"))
    assert classes_in(tmp_path, "a") == "a/b/c"
    (tmp_path / "d").mkdir()
    (tmp_path / "d/again").symlink_to(tmp_path / "d")
    assert classes_in(tmp_path, "d") == "d"
