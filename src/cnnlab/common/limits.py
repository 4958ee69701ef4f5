"""Limits of settings that are checked both in configs and in plain Python calls."""

from typing import Any

from cnnlab.common.checks import BOOL, Rule, check_value, either, list_of, number, one_of, optional, whole

DEVICE = one_of("auto", "cpu", "cuda")
LIMITS: dict[str, Rule] = {
    "trainer.device": DEVICE,
    "trainer.precision": one_of("fp32", "bf16", "fp16"),
    "trainer.channels_last": either(one_of("auto"), BOOL),
    "trainer.compile": BOOL,
    "trainer.resident": either(one_of("auto"), BOOL),
    "trainer.clip": optional(number(0, above=True)),
    "trainer.label_smoothing": number(0, 1),
    "optimizer.base_width": whole(1),
    "dataset.validation": number(0, 0.9, above=True),
    "dataset.test": number(0, 0.9, above=True),
    "dataset.size": optional(whole(1)),
    "dataset.channels": whole(1),
    "dataset.classes": whole(2),
    "dataset.images": optional(whole(1)),
    "augmentation.translate": whole(0),
    "augmentation.rotate": number(0, 180),
    "augmentation.cutout": whole(0),
    "evaluation.shifts": list_of(whole(1)),
    "evaluation.rotations": list_of(number(0, 180, above=True)),
    "evaluation.squashes": list_of(number(0, 1, above=True, below=True)),
    "evaluation.images": optional(whole(1)),
    "evaluation.permute": BOOL,
}


def check_limits(**values: Any) -> None:
    """`check_limits(dataset_validation=0.1)`: raise InputError for the first setting outside its limits."""
    for name, value in values.items():
        key = name.replace("_", ".", 1)
        check_value(key, value, LIMITS[key])
