"""Faults in images, labels and augmentation; sources as in common_training.py."""

from diagnosis_parts.fault import kinds

ALL = "own|shortcut"

COMMON_DATA = kinds(
    "data",
    [
        ("images and labels shuffled apart", "dataset.fault=shuffled_apart", "labels_unrelated", ALL, False),
        ("three labels of four guessed", "dataset.fault=mislabelled dataset.amount=0.75", "labels_noisy", ALL, False),
        (
            "test folders numbered in another order",
            "dataset.fault=folders_unsorted",
            "test_unlike_training",
            ALL,
            False,
        ),
        (
            "labels that cannot be read are 0",
            "dataset.fault=unparsed_labels dataset.amount=0.75",
            "labels_unbalanced labels_noisy",
            ALL,
            False,
        ),
        (
            "a sorted file cut for training",
            "dataset.fault=cut_while_sorted dataset.amount=6",
            "classes_absent",
            ALL,
            False,
        ),
        (
            "nearly all images of one class",
            "dataset.fault=mostly_one_class dataset.amount=0.015",
            "labels_unbalanced",
            ALL,
            False,
        ),
        (
            "the index modulo 16",
            "dataset.fault=index_of_the_batch dataset.amount=16",
            "images_repeated",
            ALL,
            False,
        ),
        ("thirty images for training", "dataset.count=34", "images_repeated", ALL, True),
        (
            "most images decode to black",
            "dataset.fault=undecoded dataset.amount=0.97",
            "images_constant images_repeated",
            ALL,
            False,
        ),
        ("bytes as they are", "dataset.fault=bytes_as_they_are", "images_not_standardized", ALL, False),
        ("divided by a std of bytes", "dataset.fault=std_of_bytes", "images_not_standardized", "plain", False),
        (
            "whole-number division by 255",
            "dataset.fault=whole_division",
            "images_constant images_not_standardized",
            ALL,
            False,
        ),
        (
            "pixels divided by their std of zero",
            "dataset.fault=each_pixel_standardized",
            "images_not_finite",
            "grey",
            False,
        ),
        (
            "test images without Normalize",
            "dataset.fault=normalize_only_trained",
            "test_unlike_training",
            ALL,
            False,
        ),
        ("test images in negative", "dataset.fault=tests_in_negative", "test_unlike_training", ALL, False),
        (
            "ToTensor within the augmentation",
            "augmentation=once_scaled_inside",
            "test_unlike_training images_not_standardized",
            ALL,
            True,
        ),
        (
            "crops of a fiftieth of the image",
            "augmentation=once_small_crops augmentation.low=0.01 augmentation.high=0.06",
            "augmentation_too_strong",
            ALL,
            True,
        ),
        (
            "turned by any angle and shifted by half",
            "augmentation.rotate=180 augmentation.translate=8",
            "augmentation_too_strong",
            ALL,
            True,
        ),
    ],
)
