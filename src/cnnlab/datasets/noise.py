"""Random images with random labels, for questions that no content answers."""

import torch

from cnnlab.common.errors import InputError
from cnnlab.common.limits import check_limits
from cnnlab.datasets.base import DATA_SEED, ImageSet, Split, assemble, cut, stratified_order

SIDE, IMAGES = 32, 200
TEST_SHARE = 0.2
LEAST = round(1 / TEST_SHARE)  # images per class, so that the test split has every class


def noise(
    channels: int = 3,
    size: int | None = SIDE,
    classes: int = 10,
    images: int | None = IMAGES,
    validation: float = 0.1,
) -> ImageSet:
    """channels x size x size, pixels uniform on 0..255, independent of each other and of the labels; no file is read.

    `images` in all, a fifth of them for the test, the same in every run; classes differ by at most one image.
    `size=None` is 32, `images=None` 200. Raises InputError for fewer than five images per class.
    """
    check_limits(
        dataset_channels=channels,
        dataset_size=size,
        dataset_classes=classes,
        dataset_images=images,
        dataset_validation=validation,
    )
    images = IMAGES if images is None else images
    if images < LEAST * classes:
        raise InputError(
            f"dataset.images={images} is too few for {classes} classes: a class needs {LEAST}, for each split to "
            f"have some.\nUse dataset.images={LEAST * classes} or more, or fewer dataset.classes."
        )
    generator = torch.Generator().manual_seed(DATA_SEED)
    side = size or SIDE
    pixels = torch.randint(0, 256, (images, channels, side, side), dtype=torch.uint8, generator=generator)
    labels = torch.arange(images) % classes  # the images are exchangeable, so shuffling would change nothing
    order = stratified_order(labels)
    test, train = cut(Split(pixels, labels[order]), round(TEST_SHARE * images))
    return assemble("noise", train, test, tuple(str(label) for label in range(classes)), validation)
