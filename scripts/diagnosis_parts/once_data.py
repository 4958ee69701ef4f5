"""Faults of images, labels and augmentation, by somebody who had not seen the rules."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"

ONCE_DATA = kinds(
    "data",
    [
        ("labels one row off", "dataset.fault=rows_off_by_one", "labels_unrelated", ANY, False),
        (
            "labels of two files joined wrongly",
            "dataset.fault=partly_misaligned dataset.amount=0.8",
            "labels_noisy labels_unrelated",
            ANY,
            False,
        ),
        (
            "unreadable labels became the first class",
            "dataset.fault=missing_as_zero dataset.amount=0.7",
            "labels_noisy labels_unbalanced",
            ANY,
            False,
        ),
        (
            "the fourth class collected far better",
            "dataset.fault=other_classes_rare dataset.amount=0.02",
            "labels_unbalanced",
            ANY,
            False,
        ),
        (
            "sorted by class, then cut",
            "dataset.fault=sorted_then_cut dataset.amount=6",
            "classes_absent",
            ANY,
            False,
        ),
        (
            "the same few images again and again",
            "dataset.fault=always_the_same_few dataset.amount=24",
            "images_repeated",
            ANY,
            False,
        ),
        (
            "few files matched",
            "dataset.fault=few_files_found dataset.amount=40",
            "images_repeated",
            ANY,
            False,
        ),
        (
            "neither ToTensor nor Normalize",
            "dataset.fault=no_normalization",
            "images_not_standardized",
            "plain own",
            False,
        ),
        ("divided by 255 twice", "dataset.fault=divided_twice", "images_not_standardized", "plain own", False),
        (
            "statistics of bytes",
            "dataset.fault=statistics_of_bytes",
            "images_not_standardized images_constant",
            "plain own",
            False,
        ),
        (
            "saved as bytes after scaling",
            "dataset.fault=scaled_then_bytes",
            "images_constant images_not_standardized",
            ANY,
            False,
        ),
        (
            "blank scans divided by their range",
            "dataset.fault=blank_images_divided dataset.amount=0.01",
            "images_not_finite",
            ANY,
            False,
        ),
        ("test with dark on light", "dataset.fault=test_dark_on_light", "test_unlike_training", ANY, False),
        (
            "test folders numbered otherwise",
            "dataset.fault=test_folders_in_other_order",
            "test_unlike_training",
            ANY,
            False,
        ),
        (
            "test images cropped",
            "dataset.fault=test_cropped dataset.amount=0.5",
            "test_unlike_training",
            ANY,
            False,
        ),
        (
            "ImageNet's crop on small images",
            "augmentation=practice_resized_crop augmentation.most=0.3",
            "augmentation_too_strong",
            ANY,
            True,
        ),
        (
            "mixup of images without labels",
            "augmentation=practice_mixed augmentation.least=0.6",
            "augmentation_too_strong labels_noisy",
            ANY,
            True,
        ),
        ("holes nearly as large as the image", "augmentation.cutout=15", "augmentation_too_strong", ANY, True),
    ],
)
