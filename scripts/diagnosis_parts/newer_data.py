"""Faults of images, labels and augmentation by somebody who had not seen the rules."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"
UNLIKE, STRONG = "test_unlike_training", "augmentation_too_strong"

# (name, function of newer_images.py, amount, causes, where)
_SETS = [
    ("labels in two bits", "labels_in_bits", 2, f"classes_absent {UNLIKE} labels_noisy", ANY),
    ("images repeated, labels interleaved", "repeated_apart", 2, "labels_unrelated labels_noisy", ANY),
    ("five shards, each with its own classes", "shards", 5, f"labels_noisy labels_unrelated {UNLIKE}", ANY),
    ("labels by an untrained network", "untrained_labels", 1, f"{UNLIKE} labels_unrelated labels_noisy", ANY),
    ("test images in a corner of a black frame", "test_letterboxed", 2, UNLIKE, ANY),
    ("indices of a palette as brightness", "palette_indices", 1, UNLIKE, ANY),
    (
        "3 % blank images, each standardized alone",
        "blanks_standardized",
        0.03,
        "images_not_finite images_constant",
        ANY,
    ),
    (
        "each pixel standardized on its own",
        "pixels_standardized",
        1,
        f"images_not_standardized {UNLIKE}",
        "grey",
    ),
]

NEWER_DATA = kinds(
    "data",
    [
        *(
            (name, f"dataset.fault={fault} dataset.amount={amount:g}", causes, where, False)
            for name, fault, amount, causes, where in _SETS
        ),
        ("digits mirrored at random", "augmentation.flip=true", STRONG, "grey", True),
        ("augmentation for images twice as large", "augmentation=cutout", STRONG, ANY, True),
        ("waves of ten pixels", "augmentation=elastic", STRONG, ANY, True),
        (
            "augmented in 0 to 1, then cut to whole numbers",
            "augmentation=floats_cut",
            f"{STRONG} images_constant {UNLIKE} images_not_standardized precision_too_low",
            ANY,
            True,
        ),
    ],
)
