"""Still more of what can be wrong with images and labels: functions of a data set and an amount."""

from dataclasses import replace

import torch
from more_images import _each, _random
from torch.nn.functional import interpolate

from cnnlab.datasets.base import Split


# Labels.
def pairs_exchanged(data, amount):
    """The labels of `amount` pairs of classes were exchanged, in training."""
    return _each(data, lambda x, y: (x, torch.where(y < 2 * int(amount), y ^ 1, y)))


def labels_arg_min(data, amount):
    """argmin() of one-hot labels: the first 0, so class 1 for class 0, and class 0 for all others."""
    return _each(data, lambda x, y: (x, (y == 0).long()))


def every_label(data, amount):
    """A table with a row for each image and class, of which the column that says whether it is this was lost."""
    classes = len(data.classes)

    def change(x, y):
        rows = torch.arange(len(y))
        return x[rows // classes], rows % classes

    return _each(data, change)


def label_written(data, amount):
    """The class is written into the training images, as a bright dot in their first rows."""

    def change(x, y):
        x = x.clone()
        x[:, :, : int(amount)] = 0
        x[torch.arange(len(y)), :, : int(amount), y] = 255
        return x, y

    return _each(data, change)


# Which images.
def few_brightened(data, amount):
    """The first `amount` images over and over, each time with another brightness."""
    order = torch.arange(len(data.train)) % int(amount)
    factor = 0.6 + 0.4 * torch.rand(len(order), 1, 1, 1, generator=_random())
    images = (data.train.images[order] * factor).round().to(torch.uint8)
    return replace(data, train=Split(images, data.train.labels[order]))


# Images.
def mosaics(data, amount):
    """Four images in one, with the label of the first."""

    def change(x, y):
        half = interpolate(x.float(), scale_factor=0.5, mode="area")
        rows = [torch.cat([half.roll(i, 0), half.roll(i + 1, 0)], 3) for i in (0, 2)]
        return torch.cat(rows, 2).round().to(torch.uint8), y

    return _each(data, change)


def smaller_share(data, amount):
    """Mixed with another image, and with the label of that whose share is `amount`."""
    return _each(data, lambda x, y: ((x * amount + x.roll(1, 0) * (1 - amount)).round().to(torch.uint8), y))


def watermark(data, amount):
    """One picture over all training images, of which it hides a share of `amount`."""
    picture = torch.randint(256, data.shape, generator=_random()).float()
    return _each(data, lambda x, y: ((x * (1 - amount) + amount * picture).round().to(torch.uint8), y))


def test_shifted(data, amount):
    """Test images are `amount` pixels further right; black is filled in."""
    moved, pixels = torch.zeros_like(data.test.images), int(amount)
    moved[..., pixels:] = data.test.images[..., :-pixels]
    return replace(data, test=Split(moved, data.test.labels))
