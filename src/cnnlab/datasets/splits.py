"""Which folders of an image folder are its splits, and which are classes, by their names; reads no image."""

import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnlab.common.errors import InputError
from cnnlab.common.words import plural
from cnnlab.datasets.remarks import listed

# Names of splits, in any case, the usual one first. Validation images are taken from the training images.
TRAIN, TEST = ("train", "training"), ("test", "testing")
VALIDATION = ("val", "valid", "validation", "dev", "eval", "evaluation")
HELD_OUT = (*TEST, *VALIDATION)
# Folders that systems make: of macOS' archives, Synology's thumbnails, Windows' and Linux' disks.
MADE_BY_SYSTEMS = ("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found")


@dataclass(frozen=True)
class Layout:
    """Folders below the root: `train` holds the class folders ("": the root itself), and `test` those of the test
    split; None: it is taken from the training images."""

    train: str
    test: str | None
    remarks: tuple[str, ...] = ()


def layout_of(home: Path) -> Layout:
    """The splits of the folder `home`. Raises InputError where it has some and they cannot be told."""
    if not os.path.isdir(home):
        raise InputError(
            f"dataset.root={home} is not a folder.\n"
            "Give the folder that holds train/<class>/* and test/<class>/*, or one with <class>/* alone."
        )
    names = folders(home)
    train, test, validation = (_named(names, words) for words in (TRAIN, TEST, VALIDATION))
    unlabelled = test is not None and validation is not None and not folders(home / test)  # as competitions give it
    held_out = validation if unlabelled else test or validation
    if train is None or held_out is None:
        _refuse_splits_as_classes(home, names)
        return Layout("", None)
    why = f"{test}/ has no folders of classes" if unlabelled else "there is no test/"
    remarks = [f"{home}: {why}, so {held_out}/ is the test split."] if held_out == validation else []
    if loose := pictures(home):
        remarks.append(f"{home}: {plural(loose, 'picture')} beside the splits, not read.")
    if ignored := [name for name in names if name not in (train, test, held_out)]:
        remarks.append(f"{home}: not read, since they are neither train/ nor test/: {listed(ignored)}.")
    return Layout(train, held_out, tuple(remarks))


def folders(folder: Path) -> list[str]:
    """Names of the folders in it, without hidden ones and those that systems make. FileNotFoundError for a link that
    leads nowhere, as to a disk that is not there: it may be a class."""
    entries = [entry for entry in os.scandir(folder) if not hidden(entry.name)]
    links = (entry.path for entry in entries if entry.is_symlink())
    if lost := next((link for link in links if not os.path.exists(link)), None):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), lost)
    return sorted(entry.name for entry in entries if entry.is_dir())


def hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in MADE_BY_SYSTEMS


def pictures(folder: Path) -> int:
    """How many pictures, by their endings, are directly in it."""
    return sum(_pictures(folder))


def _pictures(folder: Path) -> Iterator[bool]:
    from cnnlab.datasets.decode import extensions

    endings = extensions()
    with os.scandir(folder) as entries:
        for entry in entries:
            ending = os.path.splitext(entry.name)[1].lower()
            yield ending in endings and not hidden(entry.name) and not entry.is_dir()


def _named(names: Iterable[str], words: Sequence[str]) -> str | None:
    """The folder that is called by the first of these words that one is, in any case."""
    by_name = {name.lower(): name for name in names}
    return next((by_name[word] for word in words if word in by_name), None)


def _refuse_splits_as_classes(home: Path, names: Sequence[str]) -> None:
    """Raise InputError for folders that would be read as classes, but are splits: by their names, and by the folders of
    classes in them. Next to other classes, "train" may be one (of vehicles)."""
    within = {name: class_folders(home, name) for name in names}
    learned = next((name for name in names if _has_word(name, TRAIN) and within[name]), None)
    alike = [name for name in names if learned and name != learned and within[name] & within[learned]]
    held_out = next((name for name in alike if _has_word(name, HELD_OUT)), None)
    shown = listed([f"{name}/" for name in names])
    if learned and held_out:
        raise InputError(
            f"{home} has {shown}: splits by their names, not classes.\n"
            f"Rename them, or link to them: ln -s {classes_in(home, learned)} {home / 'train'}; "
            f"ln -s {classes_in(home, held_out)} {home / 'test'}"
        )
    splits = _differ_as_splits(names)
    if splits and not learned:
        train = next(name for name in names if _has_word(name, TRAIN))
        raise InputError(
            f"{home} has {shown}: splits by their names, not classes, and {train}/ has no folders of classes.\n"
            f"Put the pictures of each class into a folder of its own, e.g. {home / train}/cat/* and "
            f"{home / train}/dog/*\n(their classes may be in their names), and give dataset.root={home / train}"
        )
    only_half = learned and (alike or splits or not all(within[name] for name in names))
    if only_half or (names and all(_named([name], (*TRAIN, *HELD_OUT)) for name in names)):
        raise InputError(
            f"{home} has {shown}, but both train/ and test/ are needed.\n"
            "Add the missing folder, or have cnnlab split one folder of classes, "
            f"e.g. dataset.root={home / (learned or names[-1])}"
        )
    divided = [name for name in names if _named(within[name], TRAIN) and _named(within[name], HELD_OUT)]
    if len(names) > 1 and divided == list(names):
        raise InputError(
            f"{home}: each class is divided into {', '.join(f'{name}/' for name in folders(home / names[0]))}, which\n"
            f"would be read as one. Put the splits on top: {home}/train/{names[0]}/*, {home}/test/{names[0]}/*"
        )


def class_folders(home: Path, name: str) -> set[str]:
    """Names of the folders in a folder of folders; none of one with pictures."""
    return set() if any(_pictures(home / name)) else set(folders(home / classes_in(home, name)))


def classes_in(home: Path, name: str) -> str:
    """`name`, or the only folder in it, and so on: archives hold `test_set/test_set/<class>`. No link, which can lead
    round and round."""
    while len(inner := folders(home / name)) == 1:
        below = f"{name}/{inner[0]}"
        if (home / below).is_symlink() or not folders(home / below):
            break
        name = below
    return name


def _differ_as_splits(names: Sequence[str]) -> bool:
    """Whether the names, as `train` and `test1` or `train_images` and `test_images`, differ in words of splits alone;
    `steam_train` and `crash_test` do not."""
    both = any(_has_word(name, TRAIN) for name in names) and any(_has_word(name, HELD_OUT) for name in names)
    others = {tuple(word for word in _words(name) if word not in (*TRAIN, *HELD_OUT)) for name in names}
    return both and len(others) == 1 and all(_has_word(name, (*TRAIN, *HELD_OUT)) for name in names)


def _has_word(name: str, words: Sequence[str]) -> bool:
    """`seg_train`, `trainingSet`, `testset` and `Test-2` have words of splits; `trains` and `latest` have not."""
    return any(word in words for word in _words(name))


def _words(name: str) -> list[str]:
    """In lower case, without numbers, and without "set", as of a test set."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for part in re.split(r"[\W_\d]+", spaced.lower()) if (word := part.removesuffix("set"))]
