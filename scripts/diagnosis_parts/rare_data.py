"""Faults in images, labels and augmentation that are unlike those of the other sets."""

from diagnosis_parts.fault import kinds

ALL = "own|shortcut"

RARE_DATA = kinds(
    "data",
    [
        ("rows of pixels sorted in place", "dataset.fault=rows_sorted", "test_unlike_training", ALL, False),
        (
            "training and test labels each encoded alone",
            "dataset.fault=encoders_of_their_own dataset.amount=2",
            "test_unlike_training classes_absent",
            ALL,
            False,
        ),
        (
            "width and height taken for a corner",
            "dataset.fault=size_as_corner",
            "test_unlike_training",
            ALL,
            False,
        ),
        (
            "crops written back into the data set",
            "augmentation=rare_in_place",
            "augmentation_too_strong test_unlike_training",
            "grey",
            True,
        ),
        (
            "indices of the images in eight bits",
            "dataset.fault=index_in_bytes",
            "labels_unrelated images_repeated labels_noisy",
            ALL,
            False,
        ),
        (
            "weights of the classes given as those of images",
            "dataset.fault=weights_of_classes",
            "images_repeated",
            ALL,
            False,
        ),
        (
            "images torn by the next one",
            "dataset.fault=torn",
            "labels_noisy test_unlike_training",
            ALL,
            False,
        ),
    ],
)
