"""What every data set must have, whoever made it; told in words before anything is trained on it."""

from collections.abc import Mapping, Sequence
from reprlib import repr
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnlab.common.errors import InputError

LEAST_CLASSES = 2
FEW_CHANNELS = 4  # images (N, C, H, W) with more channels, and a last side of at most this, are (N, H, W, C)


def check_parts(
    of: str, splits: Mapping[str, tuple[Any, Any]], classes: Sequence[str], moments: Mapping[str, Sequence[float]]
) -> None:
    """Raise InputError unless splits (images and labels), classes, mean and std fit each other. What values they have
    is not judged."""
    check_classes(of, classes)
    if len(classes) < LEAST_CLASSES or len(set(classes)) < len(classes):
        raise InputError(
            f"{of}: the classes are {list(classes)}; at least {LEAST_CLASSES} are needed, each with a name of its own."
            "\nGive `classes` a name for each label, from 0 on."
        )
    for name, (images, labels) in splits.items():
        check_split(f"{of}, {name}", images, labels, len(classes))
    shapes = {name: tuple(images.shape[1:]) for name, (images, _) in splits.items()}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{shape} in {name}" for name, shape in shapes.items())
        raise InputError(f"{of}: the images (C, H, W) have different shapes: {told}.\nGive all of them one.")
    channels = next(iter(shapes.values()))[0]
    for name, values in moments.items():
        if len(values) != channels:
            raise InputError(
                f"{of}: {name} has {len(values)} values, and the images {channels} channels.\n"
                "One value per channel is needed, of images scaled to 0..1; `assemble` computes them."
            )


def check_classes(of: str, classes: Any) -> None:
    """Raise InputError unless the classes are texts in an order, which the labels count: a set has none."""
    given = classes.tolist() if isinstance(classes, np.ndarray) else classes
    if isinstance(given, Sequence) and all(isinstance(name, str) for name in given):
        return
    raise InputError(
        f"{of}: the classes are {repr(given)}, and must be names in the order of the labels, each a text.\n"
        'Of three: classes=("cat", "dog", "emu"). Of numbers in a list or array: tuple(map(str, names)).'
    )


def check_split(where: str, images: Any, labels: Any, classes: int) -> None:
    """Raise InputError unless images are (N, C, H, W) and labels (N,) from 0 to `classes` - 1. `where`: in words."""
    for name, values in (("images", images), ("labels", labels)):
        if not isinstance(values, Tensor):
            raise InputError(
                f"{where}: the {name} are of type {type(values).__name__}, and must be a tensor.\n"
                "Of an array: torch.from_numpy(array). Of a list: torch.tensor(list)."
            )
    shape = tuple(images.shape)
    if images.ndim != 4:
        grey = "\nGreyscale images without a channel: images[:, None]" if images.ndim == 3 else ""
        raise InputError(f"{where}: the images have shape {shape}, and must be (N, C, H, W).{grey}")
    if shape[1] > FEW_CHANNELS >= shape[3]:
        raise InputError(
            f"{where}: the images have shape {shape}, and must be (N, C, H, W).\n"
            "With the channels last, as of NumPy and PIL: images.permute(0, 3, 1, 2)"
        )
    if labels.dtype != torch.int64 or labels.ndim != 1:
        advice = "labels.argmax(1), of one-hot vectors" if labels.ndim == 2 and labels.shape[1] == classes else ""
        raise InputError(
            f"{where}: the labels are {_kind(labels)}, and must be torch.int64 of shape (N,), a class each.\n"
            f"{advice or 'labels.flatten().long()'}"
        )
    if len(labels) != len(images) or not len(labels):
        raise InputError(
            f"{where}: there are {len(images):,} images and {len(labels):,} labels.\n"
            "As many of both are needed, and at least one."
        )
    low, high = (int(value) for value in labels.aminmax())
    if low < 0 or high >= classes:
        raise InputError(
            f"{where}: the labels go from {low} to {high}; of {classes} classes they go from 0 to {classes - 1}.\n"
            + ("labels - 1" if (low, high) == (1, classes) else "Correct the labels, or give more `classes`.")
        )


def check_bytes(where: str, images: Tensor) -> None:
    """Raise InputError unless the images are uint8."""
    if images.dtype != torch.uint8:
        raise InputError(
            f"{where}: the images are {_kind(images)}, and must be torch.uint8, 0 to 255.\n"
            "Of 0 to 1: (images * 255).round().to(torch.uint8). Of 0 to 255: images.to(torch.uint8)"
        )


def _kind(values: Tensor) -> str:
    return f"{values.dtype} of shape {tuple(values.shape)}"
