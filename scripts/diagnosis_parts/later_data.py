"""Faults of images, labels and augmentation by somebody who had not seen the rules."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"
UNLIKE, STRONG = "test_unlike_training", "augmentation_too_strong"

# (name, function of later_images.py, amount, causes, where)
_SETS = [
    ("three pairs of classes exchanged", "pairs_exchanged", 3, f"{UNLIKE} labels_noisy labels_unrelated", ANY),
    ("arg min of one-hot labels", "labels_arg_min", 1, f"classes_absent labels_unbalanced {UNLIKE}", ANY),
    ("every image with every label", "every_label", 1, "labels_unrelated labels_noisy images_repeated", ANY),
    ("label written into training images", "label_written", 2, UNLIKE, ANY),
    ("30 images, each time darker or lighter", "few_brightened", 30, "images_repeated", ANY),
    ("mosaics of four images", "mosaics", 1, f"{UNLIKE} labels_noisy {STRONG}", ANY),
    ("mixed, with the label of the smaller share", "smaller_share", 0.3, "labels_noisy labels_unrelated", ANY),
    ("a watermark over training images", "watermark", 0.92, f"{UNLIKE} images_constant", ANY),
    ("test images shifted by 6 pixels", "test_shifted", 6, UNLIKE, ANY),
]

LATER_DATA = kinds(
    "data",
    [
        *(
            (name, f"dataset.fault={fault} dataset.amount={amount:g}", causes, where, False)
            for name, fault, amount, causes, where in _SETS
        ),
        ("blurred beyond recognition", "augmentation=blur", STRONG, ANY, True),
        ("crops of 3 pixels, enlarged", "augmentation=crops", STRONG, ANY, True),
        ("all images of 3 x 3 pixels", "dataset.size=3", "too_narrow images_constant", "shortcut", True),
    ],
)
