"""More of what can be wrong with images and labels: functions of a data set and an amount."""

from dataclasses import replace

import torch
from torch.nn.functional import interpolate

from cnnlab.datasets.base import ImageSet, Split


def _random(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _each(data: ImageSet, change) -> ImageSet:
    """`change(images, labels)` on training and validation."""
    changed = [Split(*change(split.images, split.labels)) for split in (data.train, data.validation)]
    return replace(data, train=changed[0], validation=changed[1])


def _picked(data: ImageSet, pick) -> ImageSet:
    """Training images `pick(labels)`; the validation keeps its own."""
    order = pick(data.train.labels)
    return replace(data, train=Split(data.train.images[order], data.train.labels[order]))


# Labels.
def labels_mirrored(data, amount):
    """The last class first, in training."""
    return _each(data, lambda x, y: (x, len(data.classes) - 1 - y))


def labels_next(data, amount):
    """Every label one class too high, in training."""
    return _each(data, lambda x, y: (x, (y + 1) % len(data.classes)))


def some_labels_next(data, amount):
    """A share of the labels is one class too high."""

    def change(x, y):
        wrong = torch.rand(len(y), generator=_random()) < amount
        return x, torch.where(wrong, (y + 1) % len(data.classes), y)

    return _each(data, change)


def labels_sorted(data, amount):
    """A table that was sorted by label, without its images."""
    return _each(data, lambda x, y: (x, y.sort()[0][torch.randperm(len(y), generator=_random())]))


def labels_of_blocks(data, amount):
    """`amount` images after one another have the label of the first."""
    return _each(data, lambda x, y: (x, y[torch.arange(len(y)) // int(amount) * int(amount)]))


def test_labels_shuffled(data, amount):
    """A list of test files in another order than that of their labels."""
    labels = data.test.labels
    return replace(data, test=Split(data.test.images, labels[torch.randperm(len(labels), generator=_random())]))


# How many of which.
def one_per_class(data, amount):
    """The first image of each class, over and over."""

    def pick(labels):
        firsts = torch.stack([(labels == c).nonzero()[0, 0] for c in labels.unique()])
        return firsts[torch.arange(len(labels)) % len(firsts)]

    return _picked(data, pick)


def long_tail(data, amount):
    """Each class has `amount` times as many images as the one before, drawn again and again."""

    def pick(labels):
        weights = amount ** labels.double() / labels.bincount().double()[labels]
        return torch.multinomial(weights, len(labels), replacement=True, generator=_random())

    return _picked(data, pick)


# Images.
def mirrored(data, amount):
    """Training images are mirrored."""
    return _each(data, lambda x, y: (x.flip(3), y))


def channels_reversed(data, amount):
    """BGR in training, RGB in the test."""
    return _each(data, lambda x, y: (x.flip(1), y))


def truncated(data, amount):
    """Grey below this share of the rows, as a decoder leaves half a file; in training."""

    def change(x, y):
        x = x.clone()
        x[:, :, round(amount * x.shape[2]) :] = 128
        return x, y

    return _each(data, change)


def some_noise(data, amount):
    """A share of the training images is noise, with a label all the same."""

    def change(x, y):
        noise = torch.randint(256, x.shape, generator=_random(len(x))).to(torch.uint8)
        return torch.where(torch.rand(len(x), 1, 1, 1, generator=_random()) < amount, noise, x), y

    return _each(data, change)


def thumbnails(data, amount):
    """Training images were stored with this many pixels a side."""

    def change(x, y):
        small = interpolate(x.float(), size=int(amount), mode="area")
        return interpolate(small, size=x.shape[2:]).round().to(torch.uint8), y

    return _each(data, change)


def logarithms(data, amount):
    """log() of the pixels, where 0 is minus infinity."""
    return _each(data, lambda x, y: (x.float().log(), y))


def outliers(data, amount):
    """One pixel in a share of the training images is 1e6, as of a detector's fault."""

    def change(x, y):
        x = x.float().clone()
        x[torch.rand(len(x), generator=_random()) < amount, :, 0, 0] = 1e6
        return x, y

    return _each(data, change)
