"""Faults of images, labels and augmentation that were written after the first rules."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"
UNLIKE = "test_unlike_training"

# (name, function of more_images.py or faulty_images.py, amount, causes, where)
_SETS = [
    ("training labels mirrored", "labels_mirrored", 1, UNLIKE, ANY),
    ("training labels one too high", "labels_next", 1, UNLIKE, ANY),
    ("55 % of the labels one too high", "some_labels_next", 0.55, f"labels_noisy {UNLIKE}", ANY),
    ("labels sorted without images", "labels_sorted", 1, "labels_unrelated", ANY),
    ("labels in blocks of 50", "labels_of_blocks", 50, "labels_unrelated labels_noisy", ANY),
    ("test labels shuffled", "test_labels_shuffled", 1, UNLIKE, ANY),
    ("one image per class", "one_per_class", 1, "images_repeated", ANY),
    ("each class a fifth of the last", "long_tail", 0.2, "labels_unbalanced classes_absent", ANY),
    ("training images mirrored", "mirrored", 1, UNLIKE, "grey"),
    ("BGR in training", "channels_reversed", 1, UNLIKE, "colour"),
    ("training images end early", "truncated", 0.25, f"{UNLIKE} images_constant", ANY),
    ("80 % of the images noise", "some_noise", 0.8, "labels_noisy labels_unrelated", ANY),
    ("training images of 2 x 2 pixels", "thumbnails", 2, f"{UNLIKE} images_constant", ANY),
    ("logarithm of black pixels", "logarithms", 1, "images_not_finite", ANY),
    ("a hot pixel in 5 % of the images", "outliers", 0.05, "images_not_standardized images_not_finite", "plain"),
]

FRESH_DATA = kinds(
    "data",
    [
        *(
            (name, f"dataset.fault={fault} dataset.amount={amount:g}", causes, where, False)
            for name, fault, amount, causes, where in _SETS
        ),
        ("half of 60 images", "dataset.count=60 dataset.validation=0.5", "images_repeated too_few_steps", ANY, True),
        (
            "shifts out of the picture",
            "augmentation=none augmentation.translate=15",
            "augmentation_too_strong",
            ANY,
            True,
        ),
    ],
)
