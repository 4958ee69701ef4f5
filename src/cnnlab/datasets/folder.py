"""User-supplied images: one folder per class, decoded once in parallel and cached as one array on disk."""

import os
from dataclasses import dataclass
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

    return assemble(home.name, train, test_split, found.classes, validation, moments)


@dataclass(frozen=True)
class _FileList:
    """All files: `tests` test images, then the training images in stratified order."""

    classes: tuple[str, ...]
    files: list[ImageFile]
    tests: int


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
        classes, files = _scan(home, "")
        tests = min(max(1, round(test * len(files))), len(files) - 1)
        return _FileList(classes, _stratified(files), tests)
    (classes, train), (others, tests) = _scan(home, "train"), _scan(home, "test")
    if classes != others:
        unmatched = sorted(set(classes) ^ set(others))
        where = [f"{name} (only in {'train' if name in classes else 'test'}/)" for name in unmatched[:5]]
        if len(unmatched) > 5:
            where.append("...")
        raise InputError(
            f"{home}: train/ and test/ have different classes: {', '.join(where)}\nBoth need the same class folders."
        )
    return _FileList(classes, [*tests, *_stratified(train)], len(tests))


def _folders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))


def _stratified(files: list[ImageFile]) -> list[ImageFile]:
    order = stratified_order(torch.tensor([file.label for file in files]))
    return [files[i] for i in order.tolist()]


def _scan(home: Path, part: str) -> tuple[tuple[str, ...], list[ImageFile]]:
    """Class names, and their files sorted by class and path."""
    from cnnlab.datasets.decode import extensions

    endings, folder, files = extensions(), home / part, []
    classes = _folders(folder)
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
            for file in sorted(names):
                if os.path.splitext(file)[1].lower() in endings and not file.startswith("."):
                    status = os.stat(os.path.join(inner, file))
                    files.append(ImageFile(os.path.join(below, file), label, status.st_size, status.st_mtime_ns))
        if len(files) == before:
            raise InputError(
                f"{folder / name} contains no image, but every folder is a class.\n"
                "Add images (.jpg, .png, ...) or remove the folder."
            )
    return tuple(classes), files
