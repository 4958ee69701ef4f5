"""User-supplied images: one folder per class, decoded once in parallel and cached as one array on disk."""

from dataclasses import replace

import torch
from torch import Tensor

from cnnlab.common.checks import check_value, one_of
from cnnlab.common.limits import check_limits
from cnnlab.common.words import expanded, plural
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
from cnnlab.datasets.listing import list_files
from cnnlab.datasets.places import Places
from cnnlab.datasets.remarks import skipped
from cnnlab.datasets.splits import layout_of


def image_folder(
    root: str = "data",
    validation: float = 0.1,
    size: int | None = None,
    channels: int = 3,
    test: float = 0.2,
    background: str = "auto",
) -> ImageSet:
    """`root/train/<class>/*` and `root/test/<class>/*` (`val` where there is none with classes), or `root/<class>/*`,
    of which the share `test` becomes the test split, always the same images. Formats of `datasets.decode.FORMATS`, at
    any depth below the class folder. What is left out is in the set's remarks: other files, pictures and folders beside
    those of classes and splits, and folders that a link leads to a second time.

    `size`: shorter side resized, centre cropped; None: images unchanged, which must all have one size. `channels`: 3
    for colour, 1 for greyscale. `background`: of transparent parts, white, black or auto. Raises InputError.
    """
    check_limits(dataset_validation=validation, dataset_size=size, dataset_test=test)
    check_value("dataset.channels", channels, one_of(1, 3))
    check_value("dataset.background", background, one_of(*BACKGROUNDS))
    home = expanded("dataset.root", root).absolute()
    with reading():
        layout = layout_of(home)
        places = Places(home, [layout.train, *([layout.test] if layout.test else [])])
        learned = list_files(places, layout.train)
        held_out = list_files(places, layout.test, learned) if layout.test else None
    files, skipped_files, told = _stratified(learned.files), learned.skipped, [*learned.remarks]
    tests = min(max(1, round(test * len(files))), len(files) - 1)
    if held_out:
        tests, files = len(held_out.files), held_out.files + files
        skipped_files, told = skipped_files + held_out.skipped, [*told, *held_out.remarks]
    told += layout.remarks
    if skipped_files:
        told.insert(0, skipped(str(home), skipped_files))
    array = DecodedFiles(home, files, channels, size, background)
    images, labels = torch.from_numpy(array.load()), torch.tensor([file.label for file in files])
    test_split, train = cut(Split(images, labels), tests)

    def moments(images: Tensor) -> Moments:
        mean, std = array.remembered(f"{validation} {tests}", lambda: channel_moments(images))
        return tuple(mean), tuple(std)

    data = assemble(home.name, train, test_split, learned.classes, validation, moments)
    if paged := array.paged():
        told.append(f"{home}: of {plural(paged, 'file')} with several pages or frames only the first is read.")
    return replace(data, remarks=tuple(told), top=array.top())


def _stratified(files: list[ImageFile]) -> list[ImageFile]:
    order = stratified_order(torch.tensor([file.label for file in files]))
    return [files[i] for i in order.tolist()]
