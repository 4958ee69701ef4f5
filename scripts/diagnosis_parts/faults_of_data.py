"""Faults of images, labels and augmentation."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"
SCALE, UNLIKE = "images_not_standardized", "test_unlike_training"

# (name, function of faulty_images.py, amount, causes, where)
_SETS = [
    ("images from 0 to 255", "raw", 1, SCALE, "plain"),
    ("images from 0 to 255, twice", "raw", 255, SCALE, "plain"),
    ("images x30", "unscaled", 30, SCALE, "plain"),
    ("images x1000", "unscaled", 1000, SCALE, "plain"),
    ("images x0.01", "unscaled", 0.01, SCALE, "plain"),
    ("images x0.0001", "unscaled", 0.0001, SCALE, "plain"),
    ("images + 10", "offset", 10, SCALE, "plain"),
    ("images + 100", "offset", 100, SCALE, "plain"),
    ("mean of other units", "moments_of_others", 1, SCALE, "plain"),
    ("all images black", "black", 1, "images_constant input_ignored", ANY),
    ("90 % of the images black", "mostly_black", 0.9, "images_constant images_repeated labels_noisy", ANY),
    ("one image", "one_image", 1, "images_constant images_repeated", ANY),
    ("20 distinct images", "few_images", 20, "images_repeated", ANY),
    ("4 distinct images", "few_images", 4, "images_repeated classes_absent", ANY),
    ("constant channels", "constant_channels", 1, f"channels_constant {UNLIKE}", "colour"),
    ("pixels of nothing", "white_noise", 1, "labels_unrelated images_constant", ANY),
    ("rows in other channels", "wrong_shape", 1, UNLIKE, "colour"),
    ("brightness overflows", "overflowed", 3, UNLIKE, "colour"),
    ("NaN in 1 % of the images", "not_a_number", 0.01, "images_not_finite", ANY),
    ("NaN in all images", "not_a_number", 1.1, "images_not_finite", ANY),
    ("infinity in 5 % of the images", "infinite", 0.05, "images_not_finite", ANY),
    ("labels shuffled", "shuffled", 1, "labels_unrelated", ANY),
    ("labels shuffled everywhere", "shuffled_everywhere", 1, "labels_unrelated", ANY),
    ("labels off by one image", "off_by", 1, "labels_unrelated", ANY),
    ("30 % of the labels random", "noisy", 0.3, "labels_noisy", ANY),
    ("60 % of the labels random", "noisy", 0.6, "labels_noisy labels_unrelated", ANY),
    ("90 % of the labels random", "noisy", 0.9, "labels_noisy labels_unrelated", ANY),
    ("labels merged in pairs", "merged", 2, f"classes_absent {UNLIKE}", ANY),
    ("60 % of the labels class 0", "one_class", 0.6, "labels_noisy labels_unbalanced", ANY),
    ("95 % of the labels class 0", "one_class", 0.95, "labels_unbalanced labels_noisy", ANY),
    ("95 % of the images class 0", "unbalanced", 0.95, "labels_unbalanced images_repeated", ANY),
    ("98 % of the images class 0", "unbalanced", 0.98, "labels_unbalanced images_repeated", ANY),
    ("5 of 10 classes absent", "absent", 5, "classes_absent", ANY),
    ("2 of 10 classes absent", "absent", 2, "classes_absent", ANY),
    ("9 of 10 classes absent", "absent", 9, "classes_absent labels_unbalanced", ANY),
    ("test classes in another order", "test_labels_renamed", 1, UNLIKE, ANY),
    ("test labels from 1", "test_labels_shifted", 1, UNLIKE, ANY),
    ("test images inverted", "test_inverted", 1, UNLIKE, ANY),
    ("test images turned", "test_turned", 1, UNLIKE, ANY),
    ("test images divided by 255", "test_scaled", 0.0039, f"{UNLIKE} evaluation_differs", ANY),
    ("test images times 20", "test_scaled", 20, f"{UNLIKE} evaluation_differs", ANY),
    ("test images black", "test_black", 1, f"{UNLIKE} images_constant", ANY),
]

DATA = kinds(
    "data",
    [
        *(
            (name, f"dataset.fault={fault} dataset.amount={amount:g}", causes, where, False)
            for name, fault, amount, causes, where in _SETS
        ),
        ("18 training images", "dataset.count=20", "images_repeated too_few_steps", ANY, True),
        (
            "any rotation, wide shifts",
            "augmentation=none augmentation.rotate=180 augmentation.translate=12",
            "augmentation_too_strong",
            ANY,
            True,
        ),
        (
            "cutout of nearly all",
            "augmentation.cutout=15 augmentation.translate=8",
            "augmentation_too_strong",
            ANY,
            True,
        ),
        (
            "95 % noise over each image",
            "augmentation=noise augmentation.noise=0.95",
            "augmentation_too_strong",
            ANY,
            True,
        ),
        (
            "pixels scrambled each time",
            "augmentation=noise augmentation.scramble=true",
            "augmentation_too_strong",
            ANY,
            True,
        ),
    ],
)
