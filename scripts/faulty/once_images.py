"""Faults in images and labels: (data, amount) -> data. The splits are shared, so nothing is changed in place."""

from dataclasses import replace

import torch
from torch import Tensor

from cnnlab.datasets.base import ImageSet, Split


def _draw() -> torch.Generator:
    return torch.Generator().manual_seed(53)


def _labelled(split: Split, labels: Tensor) -> Split:
    return Split(split.images, labels)


def _learnt(data: ImageSet, train: Split, validation: Split) -> ImageSet:
    return replace(data, train=train, validation=validation)


def rows_off_by_one(data: ImageSet, amount: float) -> ImageSet:
    """The labels' file has a header line, so that each image has its neighbour's label."""
    train, held_out = (_labelled(split, split.labels.roll(1)) for split in (data.train, data.validation))
    return _learnt(data, train, held_out)


def partly_misaligned(data: ImageSet, amount: float) -> ImageSet:
    """A share `amount` of the labels belongs to other images."""

    def mixed(split: Split) -> Split:
        count = int(amount * len(split))
        chosen = torch.randperm(len(split), generator=_draw())[:count]
        labels = split.labels.clone()
        labels[chosen] = labels[chosen[torch.randperm(count, generator=_draw())]]
        return _labelled(split, labels)

    return _learnt(data, mixed(data.train), mixed(data.validation))


def missing_as_zero(data: ImageSet, amount: float) -> ImageSet:
    """A share `amount` of the labels could not be read and became 0, the first class."""

    def emptied(split: Split) -> Split:
        missing = torch.rand(len(split), generator=_draw()) < amount
        return _labelled(split, split.labels.masked_fill(missing, 0))

    return _learnt(data, emptied(data.train), emptied(data.validation))


def _kept(split: Split, keep: Tensor) -> Split:
    return Split(split.images[keep], split.labels[keep])


def other_classes_rare(data: ImageSet, amount: float) -> ImageSet:
    """Of all classes but the fourth, a share `amount` of the training images."""

    def rare(split: Split) -> Split:
        return _kept(split, (split.labels == 3) | (torch.rand(len(split), generator=_draw()) < amount))

    return _learnt(data, rare(data.train), rare(data.validation))


def sorted_then_cut(data: ImageSet, amount: float) -> ImageSet:
    """The files are sorted by class, and the first part of them is the training set: later classes are not in it."""

    def first(split: Split) -> Split:
        return _kept(split, split.labels < int(amount))

    return _learnt(data, first(data.train), first(data.validation))


def always_the_same_few(data: ImageSet, amount: float) -> ImageSet:
    """`images[i % n]` in __getitem__: an epoch has its length, and only n images."""
    index = torch.arange(len(data.train)) % int(amount)
    return replace(data, train=_kept(data.train, index))


def few_files_found(data: ImageSet, amount: float) -> ImageSet:
    """The pattern for the file names matched only `amount` of them."""
    return replace(data, train=_kept(data.train, torch.arange(len(data.train)) < int(amount)))


def no_normalization(data: ImageSet, amount: float) -> ImageSet:
    """No ToTensor, no Normalize: pixels from 0 to 255."""
    channels = data.shape[0]
    return replace(data, mean=(0.0,) * channels, std=(1 / 255,) * channels)


def divided_twice(data: ImageSet, amount: float) -> ImageSet:
    """`/ 255` after ToTensor, which has divided already, and no Normalize."""
    channels = data.shape[0]
    return replace(data, mean=(0.0,) * channels, std=(255.0,) * channels)


def statistics_of_bytes(data: ImageSet, amount: float) -> ImageSet:
    """Mean and deviation of the bytes, applied to pixels from 0 to 1: all images are nearly the same constant."""
    return replace(data, mean=tuple(255 * m for m in data.mean), std=tuple(255 * s for s in data.std))


def scaled_then_bytes(data: ImageSet, amount: float) -> ImageSet:
    """Scaled to 0..1 and saved as bytes: only full white is left, as 1."""

    def cast(split: Split) -> Split:
        return Split((split.images / 255).to(torch.uint8), split.labels)

    return replace(data, train=cast(data.train), validation=cast(data.validation), test=cast(data.test))


def blank_images_divided(data: ImageSet, amount: float) -> ImageSet:
    """Each image is scaled by its own range, and a share `amount` of the scans is blank: 0 / 0."""

    def ranged(split: Split, blank: float) -> Split:
        images = split.images.float()
        images[torch.rand(len(images), generator=_draw()) < blank] = 0
        low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
        return Split(255 * (images - low) / (high - low), split.labels)

    return replace(data, train=ranged(data.train, amount))


def test_dark_on_light(data: ImageSet, amount: float) -> ImageSet:
    """Training images are light on dark, those of the test dark on light."""
    return replace(data, test=Split(255 - data.test.images, data.test.labels))


def test_folders_in_other_order(data: ImageSet, amount: float) -> ImageSet:
    """The test folder's classes were numbered in another order than the training folder's."""
    other = torch.randperm(len(data.classes), generator=_draw())
    return replace(data, test=_labelled(data.test, other[data.test.labels]))


def test_cropped(data: ImageSet, amount: float) -> ImageSet:
    """Test images are a crop of the centre, enlarged; training images were only resized."""
    side = data.shape[1]
    edge = int(side * (1 - amount) / 2)
    images = data.test.images[:, :, edge : side - edge, edge : side - edge].float()
    larger = torch.nn.functional.interpolate(images, size=(side, side), mode="bilinear")
    return replace(data, test=Split(larger.round().to(torch.uint8), data.test.labels))
