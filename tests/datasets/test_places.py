"""One folder by several paths: which of them counts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cnnlab.common.errors import InputError
from cnnlab.datasets.places import Places


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two splits of two classes, and two folders elsewhere."""
    for name in ("set/train/a/x", "set/train/b/y", "set/test/a", "set/test/b", "more/deep", "other"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "set"


@pytest.fixture
def linked(home: Path) -> Callable[[str, str], str]:
    def link(name: str, to: str) -> str:
        (home / name).symlink_to(home / to)
        return str(home / name)

    return link


def test_a_real_folder_is_read_by_its_own_path_and_not_by_that_of_a_link(home: Path, linked) -> None:
    inner = linked("train/a/more", "test/b")  # of the other split, which is listed later
    places = Places(home, ["train", "test"])
    assert places.elsewhere(inner, home / "train/a") == f"{home}/test/b"
    assert places.elsewhere(f"{home}/test/b", home / "test/b") is None
    assert places.in_words(inner, f"{home}/test/b") == f"{inner} is a link to {home}/test/b"


def test_a_class_that_is_a_link_has_its_folder_before_links_in_other_classes(home: Path, linked) -> None:
    folder, inner = linked("train/c", "../more"), linked("train/a/deep", "../more/deep")
    places = Places(home, ["train"])
    assert places.elsewhere(inner, home / "train/a") == f"{folder}/deep"
    assert places.elsewhere(f"{folder}/deep", Path(folder)) is None


@pytest.mark.parametrize("above", [".", "train", "test", "..", "/"])
def test_a_link_to_a_folder_above_the_classes_leads_nowhere(above: str, home: Path, linked) -> None:
    inner = linked("train/a/all", above)
    assert Places(home, ["train", "test"]).elsewhere(inner, home / "train/a") == str((home / above).resolve())


def test_what_is_beside_the_splits_is_read_through_a_link_once_per_class(home: Path, linked) -> None:
    first, again = linked("train/a/more", "../more"), linked("train/a/x/more", "../more")
    places = Places(home, ["train", "test"])
    assert places.elsewhere(first, home / "train/a") is None
    assert places.elsewhere(again, home / "train/a") == first


@pytest.mark.parametrize("other", ["train/b/more", "test/a/more"])
def test_a_folder_that_only_links_of_two_classes_or_splits_lead_to_is_refused(other: str, home: Path, linked) -> None:
    first, second = linked("train/a/more", "../more"), linked(other, "../more")
    places = Places(home, ["train", "test"])
    assert places.elsewhere(first, home / "train/a") is None
    with pytest.raises(InputError) as told:
        places.elsewhere(f"{second}/deep", Path(second).parent) or places.elsewhere(second, Path(second).parent)
    assert f"more is in two classes or splits, by the links {first} and {second}.\n" in str(told.value)
