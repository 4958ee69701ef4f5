"""Data sets that torchvision downloads; the official test split is kept.

torchvision is imported where a file is missing, and for CIFAR: 2 s, which MNIST on disk need not wait for.

`images`: how many of the training images to use, validation included, in the shares of the classes; None: all.
"""

import struct
from collections.abc import Sequence
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from cnnlab.common.errors import InputError
from cnnlab.common.limits import check_limits
from cnnlab.common.words import expanded
from cnnlab.datasets.base import ImageSet, Split, assemble, reading, resize, stratified_order
from cnnlab.datasets.download import Files

CLOTHING = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
SPLITS = ("train", "t10k")  # as the files of MNIST are named


def mnist(root: str = "data", validation: float = 0.1, size: int | None = None, images: int | None = None) -> ImageSet:
    """1 x 28 x 28, 60,000 + 10,000 handwritten digits. Source: LeCun et al. 1998."""
    check_limits(dataset_validation=validation, dataset_size=size, dataset_images=images)
    return _idx("mnist", "MNIST", "0123456789", root, validation, size, images)


def fashion_mnist(
    root: str = "data", validation: float = 0.1, size: int | None = None, images: int | None = None
) -> ImageSet:
    """1 x 28 x 28, 60,000 + 10,000 pieces of clothing. Source: Xiao et al. 2017, arXiv:1708.07747."""
    check_limits(dataset_validation=validation, dataset_size=size, dataset_images=images)
    return _idx("fashion_mnist", "FashionMNIST", CLOTHING, root, validation, size, images)


def kmnist(root: str = "data", validation: float = 0.1, size: int | None = None, images: int | None = None) -> ImageSet:
    """1 x 28 x 28, 60,000 + 10,000 Japanese characters. Source: Clanuwat et al. 2018, arXiv:1812.01718."""
    check_limits(dataset_validation=validation, dataset_size=size, dataset_images=images)
    return _idx("kmnist", "KMNIST", KANA, root, validation, size, images)


def cifar10(
    root: str = "data", validation: float = 0.1, size: int | None = None, images: int | None = None
) -> ImageSet:
    """3 x 32 x 32, 50,000 + 10,000 photographs in ten classes. Source: Krizhevsky 2009."""
    check_limits(dataset_validation=validation, dataset_size=size, dataset_images=images)
    return _cifar("cifar10", "CIFAR10", root, validation, size, images)


def cifar100(
    root: str = "data", validation: float = 0.1, size: int | None = None, images: int | None = None
) -> ImageSet:
    """3 x 32 x 32, 50,000 + 10,000 photographs in a hundred (fine) classes. Source: Krizhevsky 2009."""
    check_limits(dataset_validation=validation, dataset_size=size, dataset_images=images)
    return _cifar("cifar100", "CIFAR100", root, validation, size, images)


def _cifar(name: str, source: str, root: str, validation: float, size: int | None, images: int | None) -> ImageSet:
    """A set of pickled batches, whose class in torchvision is `source`."""
    import torchvision.datasets

    kind, home = getattr(torchvision.datasets, source), _home(root)
    sums = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
    files = Files(name, home, kind.base_folder, dict(sums), [kind.filename], "", source)
    files.fetch()
    try:
        with reading():
            parts = [kind(home, train=train) for train in (True, False)]
    except RuntimeError:  # wrong MD5 checksum; torchvision does not say of which file
        files.refuse_damaged()
        raise
    train, test = ((torch.from_numpy(p.data).permute(0, 3, 1, 2), torch.tensor(p.targets)) for p in parts)
    return _assemble(name, train, test, parts[0].classes, validation, size, images)


def _idx(
    name: str, source: str, classes: Sequence[str], root: str, validation: float, size: int | None, images: int | None
) -> ImageSet:
    """A set in MNIST's IDX format: four files, each a header with the dimensions, then raw bytes. `source`: its class
    in torchvision."""
    pairs = {split: (f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte") for split in SPLITS}
    names = [file for pair in pairs.values() for file in pair]
    folder = f"{source}/raw"
    files = Files(name, _home(root), folder, dict.fromkeys(names), [f"{file}.gz" for file in names], folder, source)
    files.fetch()
    with reading():
        found = {file: _read_idx(files, file) for file in names}
    for pictures, labels in pairs.values():
        if len(found[pictures]) != len(found[labels]):
            raise InputError(
                f"{files.folder / pictures} holds {len(found[pictures]):,} images, "
                f"{labels} {len(found[labels]):,} labels.\nThey do not match. {files.remedy(pictures, labels)}"
            )
    train, test = ((found[pictures][:, None], found[labels].long()) for pictures, labels in pairs.values())
    return _assemble(name, train, test, classes, validation, size, images)


def _assemble(
    name: str,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    classes: Sequence[str],
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


def _read_idx(files: Files, name: str) -> Tensor:
    """The images (N, H, W) or labels (N,) of an IDX file, uint8; InputError if its size contradicts its header."""
    path, dims = files.folder / name, 3 if "idx3" in name else 1
    content, header = bytearray(path.read_bytes()), struct.Struct(f">{1 + dims}I")
    magic, *shape = header.unpack_from(content) if len(content) >= header.size else (0,)
    expected = header.size + prod(shape)
    if magic != 0x800 + dims or len(content) != expected:
        problem = f"its header implies {expected:,}" if magic == 0x800 + dims else "and its header is not IDX"
        raise InputError(f"{path} is damaged: it has {len(content):,} bytes, {problem}.\n{files.remedy(name)}")
    return torch.frombuffer(content, dtype=torch.uint8)[header.size :].view(shape)


def _home(root: str) -> Path:
    return expanded("dataset.root", root).absolute()
