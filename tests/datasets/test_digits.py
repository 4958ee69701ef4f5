"""The embedded digits: all of scikit-learn's images, each once."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from cnnlab.datasets.base import channel_moments
from cnnlab.datasets.digits import digits


def rows(images: Tensor, labels: Tensor) -> list[tuple[int, ...]]:
    return sorted((int(y), *x.flatten().tolist()) for x, y in zip(images, labels, strict=True))


def test_splits_hold_every_image_once_and_unchanged() -> None:
    data = digits(size=None)
    splits = (data.train, data.validation, data.test)
    assert [len(split) for split in splits] == [1294, 144, 359]
    values, labels = load_digits(return_X_y=True)
    expected = rows(torch.from_numpy((values * 255 / 16).round()).long(), torch.from_numpy(labels))
    found = rows(torch.cat([s.images for s in splits]), torch.cat([s.labels for s in splits]))
    assert found == expected


def test_default_is_28_pixels_in_ten_classes() -> None:
    data = digits()
    assert data.shape == (1, 28, 28) and data.classes == tuple("0123456789") and data.name == "digits"
    assert data.train.images.dtype == torch.uint8 and data.train.labels.dtype == torch.int64
    assert (data.mean, data.std) == channel_moments(data.train.images)


def test_splits_are_stratified() -> None:
    data = digits()
    for split, each in ((data.test, 35.9), (data.validation, 14.4)):
        assert ((split.labels.bincount() - each).abs() < 3).all()


def test_splits_stay_whatever_the_size_and_the_random_state() -> None:
    first = digits()
    torch.manual_seed(99)
    second = digits(size=9)
    assert second.shape == (1, 9, 9)
    assert torch.equal(first.test.labels, second.test.labels)
    assert torch.equal(first.validation.labels, second.validation.labels)


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_validation_takes_from_training_and_never_from_test(share: float) -> None:
    data, default = digits(validation=share), digits()
    assert len(data.validation) == round(share * 1438)
    assert torch.equal(data.test.images, default.test.images)
