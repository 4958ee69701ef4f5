"""Faults of images, labels and augmentation by somebody who had not seen the rules."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"
UNLIKE, STRONG = "test_unlike_training", "augmentation_too_strong"

# (name, function of latest_images.py, amount, causes, where)
_SETS = [
    (
        "four annotators, of whom one looked",
        "annotators",
        4,
        "labels_noisy labels_unrelated images_repeated",
        ANY,
    ),
    ("70 % of the test labels random", "test_labels_noisy", 0.7, f"{UNLIKE} labels_noisy", ANY),
    ("edges of the training images", "edges", 1, UNLIKE, ANY),
    ("training rows one pixel too long", "rows_too_long", 1, UNLIKE, ANY),
    ("each class in a light of its own", "own_light", 25, UNLIKE, ANY),
    ("test images of 4 x 4 pixels", "test_thumbnails", 4, UNLIKE, ANY),
    ("hue, saturation and value in training", "hues", 1, UNLIKE, "colour"),
    ("one channel of three in other units", "channel_scaled", 300, "images_not_standardized", "colour plain"),
]

LATEST_DATA = kinds(
    "data",
    [
        *(
            (name, f"dataset.fault={fault} dataset.amount={amount:g}", causes, where, False)
            for name, fault, amount, causes, where in _SETS
        ),
        (
            "540 of 600 images for validation",
            "dataset.count=600 dataset.validation=0.9",
            "images_repeated",
            ANY,
            False,
        ),
        ("zoomed out to an eighth", "augmentation=zoomed_out", f"{STRONG} {UNLIKE}", ANY, True),
        (
            "mixed with five others, whose labels are lost",
            "augmentation=mixed_with",
            f"{STRONG} labels_noisy {UNLIKE}",
            ANY,
            True,
        ),
        ("jigsaws of sixteen pieces", "augmentation=jigsaw", STRONG, ANY, True),
    ],
)
