"""The last of what can be wrong with images and labels: functions of a data set and an amount."""

from dataclasses import replace

import torch
from more_images import _each, _random
from torch.nn.functional import interpolate

from cnnlab.datasets.base import Split


# Labels.
def labels_in_bits(data, amount):
    """Labels stored in so many bits, the higher ones lost."""
    return _each(data, lambda x, y: (x, y % 2 ** int(amount)))


def repeated_apart(data, amount):
    """Images were repeated as a whole, 1 2 3 1 2 3, and labels one by one, 1 1 2 2 3 3."""
    times = int(amount)
    return _each(data, lambda x, y: (torch.cat([x] * times), y.repeat_interleave(times)))


def shards(data, amount):
    """`amount` parts, each with a table of classes of its own order."""

    def change(x, y):
        tables = torch.stack([torch.randperm(len(data.classes), generator=_random(i)) for i in range(int(amount))])
        return x, tables[torch.arange(len(y)) % len(tables), y]

    return _each(data, change)


def untrained_labels(data, amount):
    """What a network without training says of the images, in place of their classes."""
    mean = data.train.images.float().mean(0)
    weights = torch.randn(mean.numel(), len(data.classes), generator=_random())
    return _each(data, lambda x, y: (x, ((x.float() - mean).flatten(1) @ weights).argmax(1)))


# Training and test differ.
def test_letterboxed(data, amount):
    """Test images were made smaller by `amount`, and lie in a corner of a black frame."""
    small = interpolate(data.test.images.float(), scale_factor=1 / amount, mode="area").round().to(torch.uint8)
    images = torch.zeros_like(data.test.images)
    images[..., : small.shape[2], : small.shape[3]] = small
    return replace(data, test=Split(images, data.test.labels))


def palette_indices(data, amount):
    """Training images hold indices of a palette, whose colours are in another order than their brightness."""
    index = torch.randperm(256, generator=_random()).to(torch.uint8)
    return _each(data, lambda x, y: (index[x.long()], y))


# Scale.
def pixels_standardized(data, amount):
    """By the mean and deviation of each pixel, the latter nearly 0 where pixels are always black in training."""
    images = data.train.images.double()
    mean, deviation = images.mean(0), images.std(0) + 1e-6 * amount
    return _as_given(data, lambda x: (x.double() - mean) / deviation)


def blanks_standardized(data, amount):
    """By the mean and deviation of each image, the latter 0 in a share of the training images, which are blank."""
    blank = torch.rand(len(data.train), 1, 1, 1, generator=_random()) < amount
    train = Split(data.train.images.masked_fill(blank, 255), data.train.labels)

    def own(x):
        return (x.double() - x.double().mean((1, 2, 3), keepdim=True)) / x.double().std((1, 2, 3), keepdim=True)

    return _as_given(replace(data, train=train), own)


def _as_given(data, change):
    """`change(images)` of all images, which the network then gets as they are."""
    splits = {
        name: Split(change(getattr(data, name).images).float(), getattr(data, name).labels)
        for name in ("train", "validation", "test")
    }
    channels = data.shape[0]
    return replace(data, **splits, mean=(0.0,) * channels, std=(1 / 255,) * channels)
