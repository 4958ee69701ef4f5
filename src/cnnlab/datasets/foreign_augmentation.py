"""Augmentations that are not cnnlab's: torchvision's transforms, and functions of one's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.common.errors import InputError
from cnnlab.common.raised import said
from cnnlab.common.random import undisturbed
from cnnlab.datasets.augmentation import Augmentation

SAYS = (
    "An augmentation gives uint8 images of the size it got. cnnlab makes tensors of them and standardizes them:\n"
    "leave out ToTensor, Normalize, and what changes type or size."
)


@dataclass(frozen=True)
class ForeignAugmentation:
    """`function`: of uint8 images (N, C, H, W) and a generator on the CPU, which returns such images. `by_image`: a
    transform of one image (C, H, W), as torchvision's are, called image by image, since for a batch it would draw once;
    its global generators are seeded by the run's for each batch. What it makes is looked at in every batch, since a
    transform may change size or type of some images only."""

    function: Callable[..., Any]
    by_image: bool

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Raises InputError for what is not uint8 of the size that was given."""
        if not self.by_image:
            return _alike(images, self.function(images, generator))
        seed = int(torch.randint(2**31, (), generator=generator))
        with undisturbed(seed, images.device):
            return torch.stack([_alike(image, self.function(image)) for image in images])

    def check(self, shape: tuple[int, int, int]) -> None:
        """Raise InputError unless images of `shape` (C, H, W) come out as they must."""
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(256, (2, *shape), generator=generator, dtype=torch.uint8)
        try:
            with undisturbed(0, images.device):
                self(images.clone(), generator)
        except InputError:
            raise
        except Exception as error:  # it is somebody else's code
            raise InputError(f"augmentation: {type(error).__name__}: {said(error)}\n{SAYS}") from error


def _alike(given: Tensor, made: Any) -> Tensor:
    """`made`, if it is of the shape, type and device of what was given."""
    if not isinstance(made, Tensor):
        what = type(made).__name__
    elif (made.shape, made.dtype, made.device) == (given.shape, given.dtype, given.device):
        return made
    else:
        what = _in_words(made) + (f" on {made.device}" if made.device != given.device else "")
    raise InputError(f"augmentation: of {_in_words(given)} it makes {what}.\n{SAYS}")


def _in_words(images: Tensor) -> str:
    return f"{images.dtype} {tuple(images.shape)}".removeprefix("torch.")


def augmentation_of(made: Any) -> Augmentation | ForeignAugmentation | None:
    """What a config or a caller gives as augmentation, as it is called. Raises InputError for what cannot be called."""
    if made is None or isinstance(made, (Augmentation, ForeignAugmentation)):
        return made
    if not callable(made):
        raise InputError(f"augmentation: a {type(made).__name__} cannot be called.\n{SAYS}")
    theirs = isinstance(made, nn.Module) or type(made).__module__.startswith("torchvision.")
    return ForeignAugmentation(made, by_image=theirs)
