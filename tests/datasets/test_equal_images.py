"""Equal images against comparisons of each image with each."""

import pytest
import torch
from torch import Tensor

from cnnlab.datasets.equal_images import EqualImages

SPLITS = [(0, 30), (30, 42), (42, 60)]  # places of training, validation and test


def _drawn(seed: int) -> tuple[Tensor, Tensor]:
    """60 images of 1x2x2 of which many are equal, some of them blank; labels 0 to 2."""
    stream = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 3, (60, 1, 2, 2), generator=stream, dtype=torch.uint8)
    return images, torch.randint(0, 3, (60,), generator=stream)


def _of(images: Tensor, labels: Tensor) -> EqualImages:
    return EqualImages.of([(images[a:b], labels[a:b]) for a, b in SPLITS])


@pytest.mark.parametrize("seed", range(3))
def test_images_in_several_splits_are_counted(seed):
    images, labels = _drawn(seed)
    found = _of(images, labels)
    values, train, validation, test = images.flatten(1).tolist(), *(range(a, b) for a, b in SPLITS)

    def copies(these, *others, same_label=False) -> int:
        among = [j for other in others for j in other]
        return sum(
            len({*values[i]}) > 1
            and any(values[i] == values[j] and (not same_label or labels[i] == labels[j]) for j in among)
            for i in these
        )

    assert found.validation_in_training == copies(validation, train) > 0
    assert found.test_in_others == copies(test, train, validation) > 0
    assert found.learned == (copies(validation, train, same_label=True), copies(test, train, same_label=True))


@pytest.mark.parametrize("seed", range(3))
def test_images_with_several_labels_bound_every_accuracy(seed):
    images, labels = _drawn(seed)
    found = _of(images, labels)
    known: dict[tuple[int, ...], list[int]] = {}
    for values, label in zip(images.flatten(1).tolist()[:42], labels.tolist()[:42], strict=True):
        if len({*values}) > 1:
            known.setdefault(tuple(values), []).append(label)
    blank = 42 - sum(map(len, known.values()))
    best = sum(max(each.count(label) for label in range(3)) for each in known.values())
    assert found.ceiling == pytest.approx((best + blank) / 42) and blank
    several = [tuple(sorted({*each})) for each in known.values() if len({*each}) > 1]
    assert found.several_labels(0, 1) == {kind: several.count(kind) for kind in several}


def test_the_first_of_equal_images_are_left_and_blank_ones_all():
    images, labels = _drawn(0)
    values = images.flatten(1).tolist()[:30]
    naive = [i for i in range(30) if values[i] not in values[:i] or len({*values[i]}) == 1]
    assert _of(images, labels).first.tolist() == naive and len(naive) < 30


def test_different_images_bound_nothing():
    images = torch.arange(240, dtype=torch.uint8).view(60, 1, 2, 2)
    found = _of(images, torch.arange(60) % 3)
    assert (found.validation_in_training, found.test_in_others, found.learned) == (0, 0, (0, 0))
    assert found.ceiling == 1 and not found.several_labels(0, 1, 2) and len(found.first) == 30


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("value", [0, 7])
def test_blank_images_are_no_copies(value, dtype):
    found = _of(torch.full((60, 1, 2, 2), value, dtype=dtype), torch.arange(60) % 3)
    assert found.learned == (0, 0) and found.ceiling == 1 and not found.several_labels(0, 1, 2)
