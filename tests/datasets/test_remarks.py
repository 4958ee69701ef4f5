"""What is said of a data set before anybody trains on it."""

from dataclasses import replace

import torch

from cnnlab.datasets.base import ImageSet, Split
from cnnlab.datasets.remarks import listed, remarks, skipped


def splits(*labels: list[int], classes: int = 3, **settings) -> ImageSet:
    train, validation, test = (Split(torch.rand(len(found), 1, 2, 2), torch.tensor(found).long()) for found in labels)
    names = tuple(f"c{i}" for i in range(classes))
    return ImageSet("pets", train, validation, test, names, (0.5,), (0.5,), **settings)


def test_nothing_is_said_of_a_set_with_all_classes_everywhere():
    assert remarks(splits([0, 1, 2], [2, 1, 0], [0, 1, 2, 2])) == []


def test_a_class_that_is_missing_from_a_split_is_named():
    found = remarks(splits([0, 1, 2], [0, 1], [0, 1, 2]))
    assert found == ["pets: no validation image of class c2."]


def test_several_are_counted_and_the_first_named():
    found = remarks(splits(list(range(9)), list(range(9)), [0], classes=9))
    assert found == ["pets: no test image of 8 of 9 classes: c1, c2, c3, c4, c5 and 3 more."]


def test_the_loaders_own_come_first():
    found = remarks(splits([1, 2], [0, 1, 2], [0, 1, 2], remarks=("pets: odd.",)))
    assert found == ["pets: odd.", "pets: no training image of class c0."]


def test_test_images_that_are_learned_are_counted():
    data = splits([0, 1, 2], [2, 1, 0], [0, 1, 2])
    # The images of `splits` differ, and those of the test from all others.
    twins = replace(data, test=Split(torch.cat([data.test.images, data.train.images[:1]]), torch.tensor([0, 1, 2, 0])))
    assert remarks(twins) == ["pets: 1 of 4 test images are also training or validation images."]
    many = Split(torch.rand(300, 1, 2, 2), torch.arange(300) % 3)
    few = replace(many, images=torch.cat([many.images[1:], data.train.images[:1]]))
    assert remarks(replace(data, test=few)) == []


def test_skipped_files_are_counted_by_ending_the_most_first():
    assert skipped("d", {".txt": 2, ".heic": 45, "": 1}) == (
        "d: 48 files skipped, not pictures of a known format: 45 .heic, 2 .txt, 1 without an ending."
    )
    assert skipped("d", {".txt": 1}).startswith("d: 1 file skipped,")


def test_a_list_ends_after_five():
    assert listed(list("abcde")) == "a, b, c, d, e" and listed(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_validation_images_that_are_learned_are_counted():
    data = splits([0, 1, 2], [1, 2, 0], [0, 1, 2])
    images = torch.cat([data.train.images[1:], data.validation.images[2:]])
    assert remarks(replace(data, validation=replace(data.validation, images=images))) == [
        "pets: 2 of 3 validation images are also training images."
    ]


def test_images_in_several_classes_are_counted_with_the_classes():
    data = splits([0, 1, 2, 0, 1, 2, 0, 1], [2, 1, 0], [0, 1, 2])
    images = data.train.images.clone()
    images[1], images[4], images[5] = images[0], images[3], images[2]  # 5 is in its own class once more
    images[6:] = images[2]
    assert remarks(replace(data, train=replace(data.train, images=images))) == [
        "pets: 3 images in several classes, equal to the byte: 2 in c0 and c1, 1 in c0, c1, c2."
    ]
