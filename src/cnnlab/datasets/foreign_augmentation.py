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
    its global generators are seeded by the run's for each batch."""

    function: Callable[..., Any]
    by_image: bool

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        if not self.by_image:
            return self.function(images, generator)
        seed = int(torch.randint(2**31, (), generator=generator))
        with undisturbed(seed, images.device):
            return torch.stack([self.function(image) for image in images])

    def check(self, shape: tuple[int, int, int]) -> None:
        """Raise InputError unless images of `shape` (C, H, W) come out as they must."""
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(256, (2, *shape), generator=generator, dtype=torch.uint8)
        try:
            with undisturbed(0, images.device):
                found = self(images.clone(), generator)
        except InputError:
            raise
        except Exception as error:  # it is somebody else's code
            raise InputError(f"augmentation: {type(error).__name__}: {said(error)}\n{SAYS}") from error
        if not isinstance(found, Tensor) or found.shape != images.shape or found.dtype != images.dtype:
            what = type(found).__name__
            if isinstance(found, Tensor):
                what = f"{found.dtype} {tuple(found.shape)}".removeprefix("torch.")
            raise InputError(f"augmentation: of uint8 {tuple(images.shape)} it makes {what}.\n{SAYS}")


def augmentation_of(made: Any) -> Augmentation | ForeignAugmentation | None:
    """What a config or a caller gives as augmentation, as it is called. Raises InputError for what cannot be called."""
    if made is None or isinstance(made, (Augmentation, ForeignAugmentation)):
        return made
    if not callable(made):
        raise InputError(f"augmentation: a {type(made).__name__} cannot be called.\n{SAYS}")
    theirs = isinstance(made, nn.Module) or type(made).__module__.startswith("torchvision.")
    return ForeignAugmentation(made, by_image=theirs)
