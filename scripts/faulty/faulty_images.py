"""Small parts of real data sets, and what can be wrong with images and labels."""

import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import common_images
import later_images
import latest_images
import more_images
import newer_images
import once_images
import torch
from torch import Tensor

from cnnlab.datasets.base import ImageSet, Split, assemble, resize
from cnnlab.datasets.digits import digits
from cnnlab.datasets.folder import image_folder
from cnnlab.datasets.torchvision import cifar10, mnist


@lru_cache(maxsize=8)
def _whole(of: str, root: str, count: int, tests: int, size: int) -> tuple[Split, Split, tuple[str, ...]]:
    """The first `count` training and `tests` test images. Kept, since a forked process need not read them again."""
    if of == "digits":
        data = digits(size=size)
    elif of == "mnist":
        data = mnist(root=root, images=count)
    elif (Path(root) / "train").is_dir():
        data = image_folder(root=root)
    else:
        data = cifar10(root=root, images=count)
    order = torch.randperm(len(data.test), generator=torch.Generator().manual_seed(0))[:tests]
    images = torch.cat([data.validation.images, data.train.images[:count]])[:count]
    labels = torch.cat([data.validation.labels, data.train.labels[:count]])[:count]
    test = Split(resize(data.test.images[order], size), data.test.labels[order])
    return Split(resize(images, size), labels), test, data.classes


def small(
    of: str = "digits",
    root: str = "data",
    count: int = 1500,
    tests: int = 500,
    size: int = 16,
    validation: float = 0.1,
    fault: str = "none",
    amount: float = 1.0,
) -> ImageSet:
    """`of`: digits, mnist or cifar10. `fault`: a function of this module or of one of those below."""
    train, test, classes = _whole(of, root, count, tests, size)
    data = assemble(of, train, test, classes, validation)
    if fault == "none":
        return data
    modules = (
        sys.modules[__name__],
        more_images,
        later_images,
        newer_images,
        latest_images,
        common_images,
        once_images,
    )
    return getattr(next(module for module in modules if hasattr(module, fault)), fault)(data, amount)


def _random(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _each(data: ImageSet, change) -> ImageSet:
    """`change(images, labels)` on training and validation."""
    changed = [Split(*change(split.images, split.labels)) for split in (data.train, data.validation)]
    return replace(data, train=changed[0], validation=changed[1])


def _everywhere(data: ImageSet, change) -> ImageSet:
    return replace(_each(data, change), test=Split(*change(data.test.images, data.test.labels)))


def _moments(data: ImageSet, mean: float, std: float) -> ImageSet:
    channels = data.shape[0]
    return replace(data, mean=(mean,) * channels, std=(std,) * channels)


# Scale.
def raw(data, amount):
    """0 to 255 times `amount`."""
    return _moments(data, 0.0, 1 / 255 / amount)


def unscaled(data, amount):
    """Standardized, then times `amount`."""
    return replace(data, std=tuple(std / amount for std in data.std))


def offset(data, amount):
    """Standardized, then plus `amount`."""
    return replace(data, mean=tuple(m - amount * s for m, s in zip(data.mean, data.std, strict=True)))


def moments_of_others(data, amount):
    """The mean in 0..255, of which images in 0..1 are far away."""
    return replace(data, mean=tuple(255 * m for m in data.mean))


# Content.
def black(data, amount):
    return _everywhere(data, lambda x, y: (torch.zeros_like(x), y))


def mostly_black(data, amount):
    """A share of the training images, as after a failed download."""
    return _each(data, lambda x, y: (x * (torch.rand(len(x), 1, 1, 1, generator=_random()) >= amount), y))


def one_image(data, amount):
    return _each(data, lambda x, y: (x[:1].expand_as(x).clone(), y))


def few_images(data, amount):
    """Image and label of the first `amount`, over and over."""
    return _each(data, lambda x, y: (x[torch.arange(len(x)) % int(amount)], y[torch.arange(len(x)) % int(amount)]))


def constant_channels(data, amount):
    """All channels but the last are constant in training."""

    def change(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x = x.clone()
        x[:, :-1] = 128
        return x, y

    return _each(data, change)


def low_contrast(data, amount):
    """Training images are nearly grey; mean and deviation are those of the original images."""
    return _each(data, lambda x, y: (((x.float() - 128) * amount + 128).round().to(torch.uint8), y))


def white_noise(data, amount):
    """Memory that was never written to."""
    return _everywhere(data, lambda x, y: (torch.randint(256, x.shape, generator=_random(len(x))).to(torch.uint8), y))


def wrong_shape(data, amount):
    """reshape in place of permute: rows of the images end up in other channels, in training alone."""
    return _each(data, lambda x, y: (x.permute(0, 2, 3, 1).reshape(x.shape), y))


def overflowed(data, amount):
    """8 bits overflow in training: brighter than 255 starts again at 0."""
    return _each(data, lambda x, y: ((x.int() * int(amount) % 256).to(torch.uint8), y))


def not_a_number(data, amount):
    """A share of the training images has one pixel that is NaN."""

    def change(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x = x.float().clone()
        x[torch.rand(len(x), generator=_random()) < amount, :, 0, 0] = torch.nan
        return x, y

    return _each(data, change)


def infinite(data, amount):
    """As not_a_number, after a division by zero."""

    def change(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x = x.float().clone()
        x[torch.rand(len(x), generator=_random()) < amount, :, 0, 0] = torch.inf
        return x, y

    return _each(data, change)


# Labels.
def shuffled(data, amount):
    """Of training and validation images."""
    return _each(data, lambda x, y: (x, y[torch.randperm(len(y), generator=_random())]))


def shuffled_everywhere(data, amount):
    return _everywhere(data, lambda x, y: (x, y[torch.randperm(len(y), generator=_random())]))


def off_by(data, amount):
    """The labels of the images `amount` places further on."""
    return _each(data, lambda x, y: (x, y.roll(int(amount))))


def noisy(data, amount):
    """A share of the labels is random."""

    def change(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        wrong = torch.rand(len(y), generator=_random()) < amount
        return x, torch.where(wrong, torch.randint(len(data.classes), y.shape, generator=_random(2)), y)

    return _each(data, change)


def merged(data, amount):
    """Labels divided by `amount` without a remainder, as by a wrong dtype or a table of coarse classes."""
    return _each(data, lambda x, y: (x, y // int(amount)))


def one_class(data, amount):
    """A share of the labels is replaced by class 0, whatever the image shows."""
    return _each(data, lambda x, y: (x, torch.where(torch.rand(len(y), generator=_random()) < amount, 0, y)))


def unbalanced(data, amount):
    """Class 0 is drawn again and again until it makes up this share of the training images."""

    def change(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        keep, zero = (y != 0).nonzero()[:, 0], (y == 0).nonzero()[:, 0]
        others = keep[torch.randperm(len(keep), generator=_random())[: round((1 - amount) * len(y))]]
        again = zero[torch.arange(len(y) - len(others)) % len(zero)]
        order = torch.cat([others, again])[torch.randperm(len(y), generator=_random(2))]
        return x[order], y[order]

    return _each(data, change)


def absent(data, amount):
    """No training image of the first `amount` classes."""
    return _each(data, lambda x, y: (x[y >= int(amount)], y[y >= int(amount)]))


# Training and test differ.
def test_labels_renamed(data, amount):
    """Classes in another order, as of folders that were sorted differently."""
    renamed = torch.randperm(len(data.classes), generator=_random(3))
    return replace(data, test=Split(data.test.images, renamed[data.test.labels]))


def test_labels_shifted(data, amount):
    """From 1 to 10 in place of 0 to 9."""
    return replace(data, test=Split(data.test.images, (data.test.labels + 1) % len(data.classes)))


def test_inverted(data, amount):
    return replace(data, test=Split(255 - data.test.images, data.test.labels))


def test_turned(data, amount):
    """By a quarter turn, as when height and width are exchanged."""
    return replace(data, test=Split(data.test.images.transpose(2, 3).flip(2).contiguous(), data.test.labels))


def test_scaled(data, amount):
    """Test images in 0..1 where training images are in 0..255, or the other way round."""
    return replace(data, test=Split(data.test.images.float() * amount, data.test.labels))


def test_black(data, amount):
    return replace(data, test=Split(torch.zeros_like(data.test.images), data.test.labels))
