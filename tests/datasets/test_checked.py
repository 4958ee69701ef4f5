"""Sets that people's own functions make, each with one part that does not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cnnlab.common.errors import InputError
from cnnlab.datasets.base import ImageSet, Split, assemble

IMAGES = torch.randint(0, 256, (12, 1, 6, 5), dtype=torch.uint8)
LABELS = torch.arange(12) % 2
WHOLE = Split(IMAGES, LABELS)


def made(train: object = WHOLE, test: object = WHOLE, classes: object = ("a", "b")) -> ImageSet:
    return assemble("mine", train, test, classes, 0.25)  # type: ignore[arg-type]


def test_a_set_whose_parts_fit() -> None:
    data = made()
    assert (len(data.train), len(data.validation), len(data.test)) == (9, 3, 12)


WRONG = [
    (Split(IMAGES.numpy(), LABELS), r"images are of type ndarray.*\nOf an array: torch.from_numpy"),  # type: ignore[arg-type]
    (Split(IMAGES, [0, 1] * 6), r"labels are of type list.*\n.*torch.tensor\(list\)"),  # type: ignore[arg-type]
    (Split(IMAGES[:, 0], LABELS), r"shape \(12, 6, 5\), .*\nGreyscale images without a channel: images\[:, None\]"),
    (Split(torch.zeros(12, 6, 5, 3).byte(), LABELS), r"shape \(12, 6, 5, 3\), .*\n.*images.permute\(0, 3, 1, 2\)"),
    (Split(IMAGES, LABELS.int()), r"labels are torch.int32 of shape \(12,\).*\nlabels.flatten\(\).long\(\)"),
    (Split(IMAGES, LABELS.float()), r"labels are torch.float32"),
    (Split(IMAGES, LABELS[:, None]), r"labels are torch.int64 of shape \(12, 1\).*\nlabels.flatten"),
    (Split(IMAGES, torch.eye(2)[LABELS]), r"shape \(12, 2\).*\nlabels.argmax\(1\)"),
    (Split(IMAGES, LABELS[:10]), r"there are 12 images and 10 labels"),
    (Split(IMAGES[:0], LABELS[:0]), r"there are 0 images and 0 labels"),
    (Split(IMAGES, LABELS + 1), r"go from 1 to 2; of 2 classes they go from 0 to 1.\nlabels - 1"),
    (Split(IMAGES, LABELS - 1), r"go from -1 to 0; .*\nCorrect the labels"),
    (Split(IMAGES, LABELS * 9), r"go from 0 to 9; .*\nCorrect the labels, or give more"),
]


@pytest.mark.parametrize(("split", "words"), WRONG)
@pytest.mark.parametrize("where", ["train", "test"])
def test_a_split_that_does_not_fit_is_told_with_what_to_write(split: Split, words: str, where: str) -> None:
    with pytest.raises(InputError, match=rf"^mine, {where}: .*{words}"):
        made(**{where: split})


@pytest.mark.parametrize("images", [IMAGES / 255, IMAGES.long()])
def test_images_are_bytes_where_mean_and_std_are_computed(images: torch.Tensor) -> None:
    with pytest.raises(InputError, match=r"mine, train: the images are torch\..* must be torch.uint8.*\nOf 0 to 1: "):
        made(train=Split(images, LABELS))


@pytest.mark.parametrize("classes", [(), ("a",), ("a", "a")])
def test_classes_have_names_of_their_own(classes: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"at least 2 are needed, each with a name of its own|they go from 0 to"):
        made(classes=classes, train=Split(IMAGES, LABELS * 0))


@pytest.mark.parametrize(
    "classes", [(0, 1), [0, 1], np.arange(2), np.array([0.5, 1.5]), ("a", 1), None, {"a", "b"}, {0: "a", 1: "b"}, 2]
)
def test_names_that_are_no_texts_in_an_order_are_told_with_what_to_write(classes: object) -> None:
    words = r"^mine: the classes are .*, and must be names in the order .*\n.*tuple\(map\(str, names\)\)"
    with pytest.raises(InputError, match=words):
        made(classes=classes)
    with pytest.raises(InputError, match=words):
        replace(made(), classes=classes)


def test_a_thousand_numbers_as_names_are_told_in_a_few_words() -> None:
    with pytest.raises(InputError) as told:
        made(classes=range(1000))
    assert len(str(told.value)) < 300


@pytest.mark.parametrize("classes", [["a", "b"], np.array(["a", "b"])])
def test_names_may_be_a_list_or_an_array_of_texts(classes: object) -> None:
    assert list(made(classes=classes).classes) == ["a", "b"]


def test_all_splits_have_images_of_one_shape() -> None:
    with pytest.raises(InputError, match=r"different shapes: \(1, 6, 5\) in train, .*\(1, 5, 5\) in test"):
        made(test=Split(IMAGES[:, :, :5], LABELS))
    with pytest.raises(InputError, match=r"\(3, 6, 5\) in test"):
        made(test=Split(IMAGES.expand(-1, 3, -1, -1), LABELS))


def test_mean_and_std_have_a_value_per_channel() -> None:
    for wrong in ({"mean": (0.5,) * 3}, {"std": ()}):
        with pytest.raises(
            InputError, match=rf"{next(iter(wrong))} has {len(*wrong.values())} values, and the images 1"
        ):
            replace(made(), **wrong)


def test_odd_values_are_left_to_the_diagnosis() -> None:
    data = made(test=Split(IMAGES.float().fill_(np.nan), LABELS))
    assert replace(data, mean=(128.0,), std=(0.0,)).std == (0.0,)
