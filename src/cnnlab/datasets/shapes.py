"""The shape of a data set's images and its number of classes, without reading or downloading the images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnlab.common.errors import InputError
from cnnlab.common.limits import check_limits
from cnnlab.common.words import expanded
from cnnlab.datasets.splits import folders, layout_of

# `_target_` -> (channels, side for `size: null`, classes); the config may set channels and classes otherwise.
# The tests compare these with the loaded sets.
KNOWN: dict[str, tuple[int, int, int]] = {
    "cnnlab.datasets.digits.digits": (1, 8, 10),
    "cnnlab.datasets.torchvision.mnist": (1, 28, 10),
    "cnnlab.datasets.torchvision.fashion_mnist": (1, 28, 10),
    "cnnlab.datasets.torchvision.kmnist": (1, 28, 10),
    "cnnlab.datasets.torchvision.cifar10": (3, 32, 10),
    "cnnlab.datasets.torchvision.cifar100": (3, 32, 100),
    "cnnlab.datasets.noise.noise": (3, 32, 10),
}
FOLDER = "cnnlab.datasets.folder.image_folder"

Shape = tuple[int, int, int]


def shape_of(dataset: Mapping[str, Any]) -> tuple[Shape, int] | None:
    """((C, H, W), classes) of the set that this config names, or None if it must be loaded to know."""
    target, size = dataset.get("_target_"), dataset.get("size")
    if target in KNOWN:
        check_limits(dataset_validation=dataset.get("validation", 0.1), dataset_size=size)
        channels, side, classes = KNOWN[target]
        return (dataset.get("channels", channels), size or side, size or side), dataset.get("classes", classes)
    if target == FOLDER and size:
        check_limits(dataset_validation=dataset.get("validation", 0.1), dataset_size=size)
        classes = _class_folders(expanded("dataset.root", dataset["root"]))
        return ((dataset.get("channels", 3), size, size), classes) if classes > 1 else None
    return None


def _class_folders(root: Path) -> int:
    """Number of folders of classes; 0 where the loader will raise."""
    try:
        layout = layout_of(root)
    except (InputError, OSError):
        return 0
    return len(folders(root / layout.train))
