"""User-supplied images: one folder per class, decoded once in parallel and cached as one array on disk."""

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from cnnlab.common.checks import check_value, one_of
from cnnlab.common.errors import InputError
from cnnlab.common.limits import check_limits
from cnnlab.common.words import plural
from cnnlab.datasets.base import (
    ImageSet,
    Moments,
    Split,
    assemble,
    channel_moments,
    cut,
    reading,
    stratified_order,
)
from cnnlab.datasets.cache import DecodedFiles, ImageFile
from cnnlab.datasets.decode import BACKGROUNDS
from cnnlab.datasets.remarks import listed, skipped

# Names of splits, in any case, the usual one first. Validation images are taken from the training images.
TRAIN, TEST, VALIDATION = ("train", "training"), ("test", "testing"), ("val", "valid", "validation")


def image_folder(
    root: str = "data",
    validation: float = 0.1,
    size: int | None = None,
    channels: int = 3,
    test: float = 0.2,
    background: str = "auto",
) -> ImageSet:
    """`root/train/<class>/*` and `root/test/<class>/*` (`val` where there is no `test`), or `root/<class>/*`, of which
    the share `test` becomes the test split, always the same images. Formats of `datasets.decode.FORMATS`, at any depth
    below the class folder. What is left out is in the set's remarks: other files, other folders next to train/ and
    test/, and folders that a link leads to a second time.

    `size`: shorter side resized, centre cropped; None: images unchanged, which must all have one size. `channels`: 3
    for colour, 1 for greyscale. `background`: of transparent parts, white, black or auto. Raises InputError.
    """
    check_limits(dataset_validation=validation, dataset_size=size, dataset_test=test)
    check_value("dataset.channels", channels, one_of(1, 3))
    check_value("dataset.background", background, one_of(*BACKGROUNDS))
    home = Path(root).expanduser().absolute()
    with reading():
        found = _list_files(home, test)
    array = DecodedFiles(home, found.files, channels, size, background)
    images, labels = torch.from_numpy(array.load()), torch.tensor([file.label for file in found.files])
    test_split, train = cut(Split(images, labels), found.tests)

    def moments(images: Tensor) -> Moments:
        return array.remembered(f"{validation} {found.tests}", lambda: channel_moments(images))

    data = assemble(home.name, train, test_split, found.classes, validation, moments)
    told = (skipped(str(home), found.skipped),) if found.skipped else ()
    return replace(data, remarks=(*told, *found.remarks))


@dataclass(frozen=True)
class _FileList:
    """All files: `tests` test images, then the training images in stratified order. `skipped`: files that are no
    images, by their ending."""

    classes: tuple[str, ...]
    files: list[ImageFile]
    tests: int
    skipped: Counter[str]
    remarks: tuple[str, ...] = ()


def _list_files(home: Path, test: float) -> _FileList:
    if not home.is_dir():
        raise InputError(
            f"dataset.root={home} is not a folder.\n"
            "Give the folder that holds train/<class>/* and test/<class>/*, or one with <class>/* alone."
        )
    folders = _folders(home)
    train, test_split, validation = (_named(folders, names) for names in (TRAIN, TEST, VALIDATION))
    held_out = test_split or validation
    seen: set[tuple[int, int]] = set()
    if train is None or held_out is None:
        if folders and all(_named([name], (*TRAIN, *TEST, *VALIDATION)) for name in folders):
            # next to other folders, "train" may be a class (of vehicles)
            raise InputError(
                f"{home} has {'/, '.join(folders)}/, but both train/ and test/ are needed.\n"
                "Add the missing folder, or have cnnlab split one folder of classes, "
                f"e.g. dataset.root={home / folders[-1]}"
            )
        scanned = _scan(home, "", seen)
        tests = min(max(1, round(test * len(scanned.files))), len(scanned.files) - 1)
        return _FileList(scanned.classes, _stratified(scanned.files), tests, scanned.skipped, scanned.remarks)
    learned, others = _scan(home, train, seen), _scan(home, held_out, seen)
    if learned.classes != others.classes:
        unmatched = sorted(set(learned.classes) ^ set(others.classes))
        where = [f"{name} (only in {train if name in learned.classes else held_out}/)" for name in unmatched[:5]]
        if len(unmatched) > 5:
            where.append("...")
        raise InputError(
            f"{home}: {train}/ and {held_out}/ have different classes: {', '.join(where)}\n"
            "Both need the same class folders."
        )
    remarks = [*learned.remarks, *others.remarks]
    if held_out == validation:
        remarks.append(f"{home}: there is no test/, so {held_out}/ is the test split.")
    if ignored := [name for name in folders if name not in (train, held_out)]:
        remarks.append(f"{home}: not read, since they are neither train/ nor test/: {listed(ignored)}.")
    files = [*others.files, *_stratified(learned.files)]
    return _FileList(learned.classes, files, len(others.files), learned.skipped + others.skipped, tuple(remarks))


def _named(folders: Iterable[str], names: Sequence[str]) -> str | None:
    """The folder with the first of these names that there is, in any case."""
    by_name = {folder.lower(): folder for folder in folders}
    return next((by_name[name] for name in names if name in by_name), None)


def _folders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))


def _stratified(files: list[ImageFile]) -> list[ImageFile]:
    order = stratified_order(torch.tensor([file.label for file in files]))
    return [files[i] for i in order.tolist()]


def _scan(home: Path, part: str, seen: set[tuple[int, int]]) -> _FileList:
    """The class folders of `home`/`part`: their files sorted by class and path, and what was left out. `seen`: the
    folders that were read, which links can lead to again."""
    from cnnlab.datasets.decode import extensions

    endings, folder, files, others, twice = extensions(), home / part, [], Counter[str](), 0
    names = sorted(_folders(folder), key=_composed)
    _check_names(folder, names)
    if len(names) < 2:
        raise InputError(_too_few(folder, names))
    for label, name in enumerate(names):
        before = len(files)
        for inner, folders, entries in os.walk(folder / name, followlinks=True):
            if not _first_visit(inner, seen):
                folders[:], twice = [], twice + 1
                continue
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            below = os.path.relpath(inner, home)
            for file in sorted(entry for entry in entries if not entry.startswith(".")):
                ending = os.path.splitext(file)[1].lower()
                if ending not in endings:
                    others[ending] += 1
                elif (status := _regular(os.path.join(inner, file))) is None:
                    others["pipe or device"] += 1
                else:
                    changed = (status.st_mtime_ns, status.st_ctime_ns)
                    files.append(ImageFile(os.path.join(below, file), label, status.st_size, changed))
        if len(files) == before:
            raise InputError(
                f"{folder / name} contains no image, but every folder is a class.\n"
                "Add images (.jpg, .png, ...) or remove the folder."
            )
    remarks = (f"{folder}: links lead to {plural(twice, 'folder')} a second time, not read again.",) if twice else ()
    return _FileList(tuple(_composed(name) for name in names), files, 0, others, remarks)


def _regular(path: str) -> os.stat_result | None:
    """None for a pipe or a device, which could be read for ever."""
    status = os.stat(path)
    return status if stat.S_ISREG(status.st_mode) else None


def _first_visit(folder: str, seen: set[tuple[int, int]]) -> bool:
    status = os.stat(folder)
    place = (status.st_dev, status.st_ino)
    new = place not in seen
    seen.add(place)
    return new


def _composed(name: str) -> str:
    """One name, whichever system wrote it: macOS writes an accent as a character of its own (NFD), others do not."""
    return unicodedata.normalize("NFC", name)


def _too_few(folder: Path, names: Sequence[str]) -> str:
    """The message for a folder without two classes; names the folder below, if that is the one that was meant."""
    inner = next((folder / name for name in names if len(_folders(folder / name)) >= 2), None)
    head = f"{folder} holds {plural(len(names), 'folder')} of classes; at least two are needed.\n"
    if inner is not None:
        return f"{head}The folders are one level below: dataset.root={inner}"
    return f"{head}It should look like {folder}/cat/*.jpg, {folder}/dog/*.jpg"


def _check_names(folder: Path, classes: Iterable[str]) -> None:
    """Raise InputError for class names that are not UTF-8, as old zip files have: no file could name the class; and for
    two that look the same."""
    twins = [name for name, count in Counter(map(_composed, classes)).items() if count > 1]
    if twins:
        raise InputError(
            f"{folder}: two folders are called {twins[0]!r}, in two ways of writing accents (Unicode's NFC and NFD).\n"
            "Put their images into one."
        )
    wrong = [os.fsencode(name) for name in classes if not _is_text(name)]
    if wrong:
        names = listed([repr(name)[1:] for name in wrong])
        raise InputError(
            f"{ascii(str(folder))[1:-1]}: a class is named after its folder, but these names are not UTF-8: {names}.\n"
            "Rename them; if they come from Western Windows: convmv -f latin1 -t utf8 -r --notest FOLDER"
        )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
