"""Noise: uniform, without content, the same in every run."""

import subprocess
import sys

import pytest
import torch

from cnnlab.common.errors import InputError
from cnnlab.datasets.base import ImageSet, channel_moments
from cnnlab.datasets.noise import noise


def _splits(data: ImageSet):
    return data.train, data.validation, data.test


def test_shape_sizes_and_moments_are_those_asked_for() -> None:
    data = noise(channels=1, size=7, classes=4, images=50, validation=0.2)
    assert data.shape == (1, 7, 7) and data.classes == ("0", "1", "2", "3") and data.name == "noise"
    assert [len(split) for split in _splits(data)] == [32, 8, 10]
    assert data.train.images.dtype == torch.uint8 and data.train.labels.dtype == torch.int64
    assert (data.mean, data.std) == channel_moments(data.train.images)
    assert noise(size=None).shape == noise().shape == (3, 32, 32)


@pytest.mark.parametrize(("classes", "images"), [(10, 200), (7, 35), (3, 100)])
def test_every_class_is_in_training_and_test(classes: int, images: int) -> None:
    data = noise(size=2, classes=classes, images=images)
    counts = sum(split.labels.bincount(minlength=classes) for split in _splits(data))
    assert int(counts.max()) - int(counts.min()) <= 1 and int(counts.sum()) == images
    for split in (data.train, data.test):
        assert len(split.labels.unique()) == classes


def test_pixels_are_uniform_and_independent_of_neighbours_and_labels() -> None:
    data = noise(images=1000)
    pixels = torch.cat([split.images for split in _splits(data)]).double()
    labels = torch.cat([split.labels for split in _splits(data)])
    counts = pixels.flatten().long().bincount(minlength=256) / pixels.numel()
    assert float((counts * 256 - 1).abs().max()) < 0.05  # 12,000 pixels a value, so 5 standard deviations
    assert pixels.var().item() == pytest.approx((256**2 - 1) / 12, rel=0.01)
    for a, b in ((pixels[..., 1:], pixels[..., :-1]), (pixels[:, 1], pixels[:, 0]), (pixels[1:], pixels[:-1])):
        assert abs(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()) < 0.005
    means = torch.stack([pixels[labels == label].mean() for label in range(10)])
    assert float((means - 127.5).abs().max()) < 1  # 307,000 pixels a class: 7 standard errors


def test_images_do_not_depend_on_the_random_state() -> None:
    first = noise(size=4)
    torch.manual_seed(99)
    second = noise(size=4)
    for a, b in zip(_splits(first), _splits(second), strict=True):
        assert torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"images": 49}, "dataset.images=49 is too few for 10 classes: .*\n.*dataset.images=50 or more"),
        ({"classes": 1}, "dataset.classes=1"),
        ({"channels": 0}, "dataset.channels=0"),
        ({"images": 0}, "dataset.images=0"),
        ({"size": 0}, "dataset.size=0"),
    ],
)
def test_settings_that_make_no_set_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        noise(**settings)


def test_no_other_librarys_data_are_imported() -> None:
    code = "import sys, cnnlab.datasets.noise as n; n.noise(size=2); print({'sklearn', 'torchvision'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
