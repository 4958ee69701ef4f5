"""Data sets that torchvision downloads and reads; the official test split is kept.

`images`: how many of the training images to use, validation included, in the shares of the classes; None: all.
"""

import struct
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.datasets import CIFAR10, KMNIST, MNIST, FashionMNIST

from cnnlab.common.errors import InputError
from cnnlab.common.limits import check_limits
from cnnlab.datasets.base import ImageSet, Split, assemble, reading, resize, stratified_order
from cnnlab.datasets.download import Files


def mnist(root: str = "data", validation: float = 0.1, size: int | None = None, images: int | None = None) -> ImageSet:
    """1 x 28 x 28, 60,000 + 10,000 handwritten digits. Source: LeCun et al. 1998."""
    check_limits(dataset_validation=validation, dataset_size=size, dataset_images=images)
    return _idx("mnist", MNIST, root, validation, size, images)


def fashion_mnist(
    root: str = "data", validation: float = 0.1, size: int | None = None, images: int | None = None
) -> ImageSet:
    """1 x 28 x 28, 60,000 + 10,000 pieces of clothing. Source: Xiao et al. 2017, arXiv:1708.07747."""
    check_limits(dataset_validation=validation, dataset_size=size, dataset_images=images)
    return _idx("fashion_mnist", FashionMNIST, root, validation, size, images)


def kmnist(root: str = "data", validation: float = 0.1, size: int | None = None, images: int | None = None) -> ImageSet:
    """1 x 28 x 28, 60,000 + 10,000 Japanese characters. Source: Clanuwat et al. 2018, arXiv:1812.01718."""
    check_limits(dataset_validation=validation, dataset_size=size, dataset_images=images)
    return _idx("kmnist", KMNIST, root, validation, size, images)


def cifar10(
    root: str = "data", validation: float = 0.1, size: int | None = None, images: int | None = None
) -> ImageSet:
    """3 x 32 x 32, 50,000 + 10,000 photographs in ten classes. Source: Krizhevsky 2009."""
    check_limits(dataset_validation=validation, dataset_size=size, dataset_images=images)
    home = _home(root)
    sums = [*CIFAR10.train_list, *CIFAR10.test_list, (CIFAR10.meta["filename"], CIFAR10.meta["md5"])]
    files = Files("cifar10", home, CIFAR10.base_folder, dict(sums), [CIFAR10.filename], "", CIFAR10.url)
    files.fetch(CIFAR10)
    try:
        with reading():
            parts = [CIFAR10(home, train=train) for train in (True, False)]
    except RuntimeError:  # wrong MD5 checksum; torchvision does not say of which file
        files.refuse_damaged()
        raise
    train, test = ((torch.from_numpy(p.data).permute(0, 3, 1, 2), torch.tensor(p.targets)) for p in parts)
    return _assemble("cifar10", train, test, parts[0].classes, validation, size, images)


def _idx(name: str, dataset: Any, root: str, validation: float, size: int | None, images: int | None) -> ImageSet:
    """A set in MNIST's IDX format: four files, each a header with the dimensions, then raw bytes."""
    home, archives = _home(root), [archive for archive, _ in dataset.resources]
    names = {archive.removesuffix(".gz"): None for archive in archives}
    folder = f"{dataset.__name__}/raw"
    files = Files(name, home, folder, names, archives, folder, dataset.mirrors[0])
    files.fetch(dataset)
    with reading():
        counts = {file: _check_idx(files.folder / file) for file in names}
    for split in ("train", "t10k"):
        pictures, labels = f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte"
        if counts[pictures] != counts[labels]:
            raise InputError(
                f"{files.folder / pictures} holds {counts[pictures]:,} images, {labels} {counts[labels]:,} labels.\n"
                "They do not match: delete both and run again."
            )
    train, test = (dataset(home, train=train) for train in (True, False))
    classes = [c.partition(" - ")[0] for c in dataset.classes]  # MNIST's own are "0 - zero"
    return _assemble(
        name,
        (train.data[:, None], train.targets),
        (test.data[:, None], test.targets),
        classes,
        validation,
        size,
        images,
    )


def _assemble(
    name: str,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    classes: list[str],
    validation: float,
    size: int | None,
    images: int | None,
) -> ImageSet:
    if images is not None and images > len(train[1]):
        raise InputError(
            f"dataset.images={images:,}: {name} has {len(train[1]):,} training images.\nGive fewer, or null."
        )
    largest = int(torch.cat([train[1], test[1]]).max())
    if largest >= len(classes):
        raise InputError(f"dataset={name}: there are labels up to {largest}, but only {len(classes)} classes.")
    order = stratified_order(train[1])[:images]
    pixels = resize(train[0][order].contiguous(), size)
    test_split = Split(resize(test[0].contiguous(), size), test[1])
    return assemble(name, Split(pixels, train[1][order]), test_split, tuple(classes), validation)


def _check_idx(path: Path) -> int:
    """Number of images or labels in an IDX file; InputError if its size contradicts its header."""
    dims = 3 if "idx3" in path.name else 1
    length, header = path.stat().st_size, struct.Struct(f">{1 + dims}i")
    with path.open("rb") as file:
        start = file.read(header.size)
    magic, *shape = header.unpack(start) if len(start) == header.size else (0,)
    expected = header.size + prod(shape)
    if magic != 0x800 + dims or length != expected:
        problem = f"its header implies {expected:,}" if magic == 0x800 + dims else "and its header is not IDX"
        raise InputError(
            f"{path} is damaged: it has {length:,} bytes, {problem}.\nDelete it and run again, or copy it again."
        )
    return shape[0]


def _home(root: str) -> Path:
    return Path(root).expanduser().absolute()
