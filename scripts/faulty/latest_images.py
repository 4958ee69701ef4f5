"""Yet other things that can be wrong with images and labels: functions of a data set and an amount."""

from dataclasses import replace

import torch
from more_images import _each, _random
from torch import Tensor
from torch.nn.functional import interpolate

from cnnlab.datasets.base import Split


# Labels.
def annotators(data, amount):
    """Each image `amount` times, with the labels of so many people, of whom one looked at it."""

    def change(x, y):
        guesses = torch.randint(len(data.classes), (int(amount) - 1, len(y)), generator=_random())
        return torch.cat([x] * int(amount)), torch.cat([y, guesses.flatten()])

    return _each(data, change)


def test_labels_noisy(data, amount):
    """A share of the test labels is random."""
    labels = data.test.labels
    wrong = torch.rand(len(labels), generator=_random()) < amount
    random = torch.randint(len(data.classes), labels.shape, generator=_random(2))
    return replace(data, test=Split(data.test.images, torch.where(wrong, random, labels)))


# Training and test differ.
def edges(data, amount):
    """Training images are the differences of neighbouring pixels."""

    def change(x, y):
        x = x.float()
        steps = (x - x.roll(1, 2)).abs() + (x - x.roll(1, 3)).abs()
        return (amount * steps).clamp(max=255).to(torch.uint8), y

    return _each(data, change)


def rows_too_long(data, amount):
    """Training images were read with rows longer by `amount` pixels than they are."""

    def change(x, y):
        h, w = x.shape[2:]
        place = torch.arange(h)[:, None] * (w + int(amount)) + torch.arange(w)
        return x.flatten(2)[:, :, place % (h * w)], y

    return _each(data, change)


def own_light(data, amount):
    """Training images of each class were taken in a light of their own, each brighter by `amount` than the last."""
    return _each(data, lambda x, y: ((x.int() + int(amount) * y.view(-1, 1, 1, 1)).clamp(max=255).to(torch.uint8), y))


def test_thumbnails(data, amount):
    """Test images were stored with this many pixels a side."""
    small = interpolate(data.test.images.float(), size=int(amount), mode="area")
    images = interpolate(small, size=data.test.images.shape[2:]).round().to(torch.uint8)
    return replace(data, test=Split(images, data.test.labels))


def hues(data, amount):
    """Hue, saturation and value in training, red, green and blue in the test."""
    return _each(data, lambda x, y: (_hue_saturation_value(x), y))


def _hue_saturation_value(images: Tensor) -> Tensor:
    x = images.float() / 255
    value, which = x.max(1)
    spread = value - x.amin(1)
    # Each colour's hue begins at its own third of the circle.
    after, before = (x.roll(-i, 1).gather(1, which[:, None])[:, 0] for i in (1, 2))
    hue = ((which + (after - before) / spread.clamp(min=1e-6) / 2) / 3) % 1
    return (255 * torch.stack([hue, spread / value.clamp(min=1e-6), value], 1)).round().to(torch.uint8)


# Scale.
def channel_scaled(data, amount):
    """The last channel is in other units, and so `amount` times as large as the others."""
    return replace(data, std=(*data.std[:-1], data.std[-1] / amount))
