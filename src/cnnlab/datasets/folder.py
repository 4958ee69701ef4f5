"""Anyone's images: a folder of classes, decoded once in parallel and kept as one array on disk."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

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
    """`root/train/<class>/*` and `root/test/<class>/*`, or one folder `root/<class>/*` of which the share `test`
    becomes the test split, always the same images. Any format that PIL reads, at any depth below its class;
    folders beside train/ and test/ are not read.

    `size`: shorter side resized, centre cut out; None takes images as they are, all of one size. `channels`: 3
    reads colour, 1 grey.
    """
    check_limits(dataset_validation=validation, dataset_size=size, dataset_channels=channels, dataset_test=test)
    home = Path(root).expanduser().absolute()
    with reading():
        found = _find(home, test)
    array = DecodedFiles(home, found.files, channels, size)
    images, labels = torch.from_numpy(array.load()), torch.tensor([file.label for file in found.files])
    tested, train = cut(Split(images, labels), found.tests)

    def moments(images: Tensor) -> Moments:
        return array.remembered(f"{validation} {found.tests}", lambda: channel_moments(images))

    return assemble(home.name, train, tested, found.classes, validation, moments)


@dataclass(frozen=True)
class _Found:
    """All files: `tests` test images, then the training images in stratified order."""

    classes: tuple[str, ...]
    files: list[ImageFile]
    tests: int


def _find(home: Path, test: float) -> _Found:
    if not home.is_dir():
        raise InputError(
            f"dataset.root={home} is no folder.\n"
            "Give the folder that holds train/<class>/* and test/<class>/*, or one with <class>/* alone."
        )
    folders = set(_folders(home))
    if not {"train", "test"} <= folders:
        if folders and folders <= SPLITS:  # "train" beside other folders may be a class, of vehicles
            raise InputError(
                f"{home} holds {'/, '.join(sorted(folders))}/, but it takes both train/ and test/.\n"
                "Add what is missing, or have one folder of classes split, "
                f"e.g. dataset.root={home / sorted(folders)[-1]}"
            )
        classes, files = _scan(home, "")
        tests = min(max(1, round(test * len(files))), len(files) - 1)
        return _Found(classes, _mixed(files), tests)
    (classes, train), (others, tests) = _scan(home, "train"), _scan(home, "test")
    if classes != others:
        odd = sorted(set(classes) ^ set(others))
        where = [f"{name} (only in {'train' if name in classes else 'test'}/)" for name in odd[:5]]
        raise InputError(
            f"{home}: train/ and test/ have different classes: {', '.join(where)}{', ...' if odd[5:] else ''}\n"
            "Give both the same folders."
        )
    return _Found(classes, [*tests, *_mixed(train)], len(tests))


def _folders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))


def _mixed(files: list[ImageFile]) -> list[ImageFile]:
    order = stratified_order(torch.tensor([file.label for file in files]))
    return [files[i] for i in order.tolist()]


def _scan(home: Path, part: str) -> tuple[tuple[str, ...], list[ImageFile]]:
    """Classes, and their files sorted by path."""
    from cnnlab.datasets.decode import extensions

    endings, folder, files = extensions(), home / part, []
    classes = _folders(folder)
    if len(classes) < 2:
        raise InputError(
            f"{folder} holds {len(classes)} folders of images; each folder is a class, and there must be two or more.\n"
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
                f"{folder / name} holds no image, and each folder is a class.\n"
                "Add some (.jpg, .png, ...) or remove the folder."
            )
    return tuple(classes), files
