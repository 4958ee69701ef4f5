"""User-supplied images: one folder per class, decoded once in parallel and cached as one array on disk."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from cnnlab.common.checks import check_value, one_of
from cnnlab.common.errors import InputError
from cnnlab.common.limits import check_limits
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
from cnnlab.datasets.remarks import listed, skipped

SPLITS = {"train", "test", "val", "valid", "validation"}


def image_folder(
    root: str = "data", validation: float = 0.1, size: int | None = None, channels: int = 3, test: float = 0.2
) -> ImageSet:
    """`root/train/<class>/*` and `root/test/<class>/*`, or `root/<class>/*`, of which the share `test` becomes the
    test split, always the same images. Any format that PIL reads, at any depth below the class folder; other
    folders next to train/ and test/ are ignored.

    `size`: shorter side resized, centre cropped; None: images unchanged, which must all have one size. `channels`: 3
    for colour, 1 for greyscale. Raises InputError.
    """
    check_limits(dataset_validation=validation, dataset_size=size, dataset_test=test)
    check_value("dataset.channels", channels, one_of(1, 3))
    home = Path(root).expanduser().absolute()
    with reading():
        found = _list_files(home, test)
    array = DecodedFiles(home, found.files, channels, size)
    images, labels = torch.from_numpy(array.load()), torch.tensor([file.label for file in found.files])
    test_split, train = cut(Split(images, labels), found.tests)

    def moments(images: Tensor) -> Moments:
        return array.remembered(f"{validation} {found.tests}", lambda: channel_moments(images))

    data = assemble(home.name, train, test_split, found.classes, validation, moments)
    return replace(data, remarks=(skipped(str(home), found.skipped),) if found.skipped else ())


@dataclass(frozen=True)
class _FileList:
    """All files: `tests` test images, then the training images in stratified order. `skipped`: files that are no
    images, by their ending."""

    classes: tuple[str, ...]
    files: list[ImageFile]
    tests: int
    skipped: Counter[str]


def _list_files(home: Path, test: float) -> _FileList:
    if not home.is_dir():
        raise InputError(
            f"dataset.root={home} is not a folder.\n"
            "Give the folder that holds train/<class>/* and test/<class>/*, or one with <class>/* alone."
        )
    folders = set(_folders(home))
    if not {"train", "test"} <= folders:
        if folders and folders <= SPLITS:  # next to other folders, "train" may be a class (of vehicles)
            raise InputError(
                f"{home} has {'/, '.join(sorted(folders))}/, but both train/ and test/ are needed.\n"
                "Add the missing folder, or have cnnlab split one folder of classes, "
                f"e.g. dataset.root={home / sorted(folders)[-1]}"
            )
        classes, files, skipped = _scan(home, "")
        tests = min(max(1, round(test * len(files))), len(files) - 1)
        return _FileList(classes, _stratified(files), tests, skipped)
    (classes, train, skipped), (others, tests, also) = _scan(home, "train"), _scan(home, "test")
    if classes != others:
        unmatched = sorted(set(classes) ^ set(others))
        where = [f"{name} (only in {'train' if name in classes else 'test'}/)" for name in unmatched[:5]]
        if len(unmatched) > 5:
            where.append("...")
        raise InputError(
            f"{home}: train/ and test/ have different classes: {', '.join(where)}\nBoth need the same class folders."
        )
    return _FileList(classes, [*tests, *_stratified(train)], len(tests), skipped + also)


def _folders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))


def _stratified(files: list[ImageFile]) -> list[ImageFile]:
    order = stratified_order(torch.tensor([file.label for file in files]))
    return [files[i] for i in order.tolist()]


def _scan(home: Path, part: str) -> tuple[tuple[str, ...], list[ImageFile], Counter[str]]:
    """Class names, their files sorted by class and path, and the number of other files by ending."""
    from cnnlab.datasets.decode import extensions

    endings, folder, files, others = extensions(), home / part, [], Counter[str]()
    classes = _folders(folder)
    _check_names(folder, classes)
    if len(classes) < 2:
        raise InputError(
            f"{folder} has {len(classes)} class folders; at least two are needed.\n"
            f"It should look like {folder}/cat/*.jpg, {folder}/dog/*.jpg"
        )
    for label, name in enumerate(classes):
        before = len(files)
        for inner, folders, names in os.walk(folder / name, followlinks=True):
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            below = os.path.relpath(inner, home)
            for file in sorted(name for name in names if not name.startswith(".")):
                ending = os.path.splitext(file)[1].lower()
                if ending in endings:
                    status = os.stat(os.path.join(inner, file))
                    files.append(ImageFile(os.path.join(below, file), label, status.st_size, status.st_mtime_ns))
                else:
                    others[ending] += 1
        if len(files) == before:
            raise InputError(
                f"{folder / name} contains no image, but every folder is a class.\n"
                "Add images (.jpg, .png, ...) or remove the folder."
            )
    return tuple(classes), files, others


def _check_names(folder: Path, classes: Iterable[str]) -> None:
    """Raise InputError for class names that are not UTF-8, as old zip files have: no file could name the class."""
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
