"""What goes wrong between the files and the tensors: indices, samplers, encoders, crops and statistics."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch.nn.functional import interpolate

from cnnlab.datasets.base import ImageSet, Split


def _random(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _trained(data: ImageSet, change: Callable[[Split], Split]) -> ImageSet:
    """Training and validation images, which are split later than they are read."""
    return replace(data, train=change(data.train), validation=change(data.validation))


def encoders_of_their_own(data: ImageSet, amount: float) -> ImageSet:
    """LabelEncoder().fit_transform of the training labels, and again of the test labels; class `amount` is not among
    the former, so that all above it are numbered one lower."""

    def changed(split: Split) -> Split:
        kept = split.labels != amount
        return Split(split.images[kept], split.labels[kept] - (split.labels[kept] > amount).long())

    return _trained(data, changed)


def size_as_corner(data: ImageSet, amount: float) -> ImageSet:
    """Boxes are x, y, width, height, and read as two corners: what is cut out of a training image ends at its width and
    height."""

    def changed(split: Split) -> Split:
        height, width = split.images.shape[2:]
        corners = (torch.rand(len(split), 2, generator=_random()) * 0.2 + 0.2) * torch.tensor([height, width])
        cut = [
            interpolate(image[None, :, int(y) : int(0.6 * height), int(x) : int(0.6 * width)].float(), (height, width))
            for image, (y, x) in zip(split.images, corners.tolist(), strict=True)
        ]
        return replace(split, images=torch.cat(cut).round().to(split.images.dtype))

    return _trained(data, changed)


def index_in_bytes(data: ImageSet, amount: float) -> ImageSet:
    """The order of the images is kept as uint8, so that image 256 is image 0 again; that of the labels is not."""
    order = torch.arange(len(data.train)).to(torch.uint8).long()
    return replace(data, train=replace(data.train, images=data.train.images[order]))


def weights_of_classes(data: ImageSet, amount: float) -> ImageSet:
    """WeightedRandomSampler gets a weight per class where it expects one per image: it draws the first ten images."""
    drawn = torch.ones(len(data.classes)).multinomial(len(data.train), replacement=True, generator=_random())
    return replace(data, train=Split(data.train.images[drawn], data.train.labels[drawn]))


def rows_sorted(data: ImageSet, amount: float) -> ImageSet:
    """`images.sort()` for the names of the files: each row of a training image is sorted by brightness."""
    return _trained(data, lambda split: replace(split, images=split.images.sort(dim=3)[0]))


def torn(data: ImageSet, amount: float) -> ImageSet:
    """A buffer is read while the next training image is written to it: from some row on, it is the next one."""

    def changed(split: Split) -> Split:
        height = split.images.shape[2]
        first = (torch.rand(len(split), 1, 1, 1, generator=_random()) * amount * height).long()
        own = torch.arange(height).view(1, 1, -1, 1) < first
        return replace(split, images=torch.where(own, split.images, split.images.roll(1, 0)))

    return _trained(data, changed)
