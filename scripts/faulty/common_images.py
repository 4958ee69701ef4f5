"""What goes wrong between the files and the tensors, by hand-written data sets."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from cnnlab.datasets.base import ImageSet, Split


def _random(seed: int = 7) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _learned(data: ImageSet, change: Callable[[Split], Split]) -> ImageSet:
    """Training and validation images, which are split later than they are read."""
    return replace(data, train=change(data.train), validation=change(data.validation))


def _unseen(data: ImageSet, change: Callable[[Tensor], Tensor]) -> ImageSet:
    """Validation and test images, which have transforms of their own."""
    return replace(
        data,
        validation=replace(data.validation, images=change(data.validation.images)),
        test=replace(data.test, images=change(data.test.images)),
    )


def _everywhere(data: ImageSet, change: Callable[[Tensor], Tensor]) -> ImageSet:
    data = _unseen(data, change)
    return replace(data, train=replace(data.train, images=change(data.train.images)))


# ---- labels


def shuffled_apart(data: ImageSet, amount: float) -> ImageSet:
    """np.random.shuffle(images), and again for the labels."""
    return _learned(data, lambda s: replace(s, labels=s.labels[torch.randperm(len(s), generator=_random())]))


def mislabelled(data: ImageSet, amount: float) -> ImageSet:
    """A share `amount` of the labels are those of a careless annotator."""

    def changed(split: Split) -> Split:
        guesses = torch.randint(len(data.classes), (len(split),), generator=_random())
        careless = torch.rand(len(split), generator=_random(8)) < amount
        return replace(split, labels=torch.where(careless, guesses, split.labels))

    return _learned(data, changed)


def folders_unsorted(data: ImageSet, amount: float) -> ImageSet:
    """Classes are numbered in the order of os.listdir, which is another one in the folder of the test images."""
    number = torch.tensor([3, 7, 0, 9, 1, 8, 5, 2, 4, 6])
    return replace(data, test=replace(data.test, labels=number[data.test.labels]))


def unparsed_labels(data: ImageSet, amount: float) -> ImageSet:
    """Where the label cannot be read from the file's name, which is a share `amount`, it is 0."""

    def changed(split: Split) -> Split:
        lost = torch.rand(len(split), generator=_random()) < amount
        return replace(split, labels=split.labels.masked_fill(lost, 0))

    return _learned(data, changed)


# ---- which images


def cut_while_sorted(data: ImageSet, amount: float) -> ImageSet:
    """The first images of a file that is sorted by class are for training: of so many classes."""
    kept = data.train.labels < amount
    return replace(data, train=Split(data.train.images[kept], data.train.labels[kept]))


def mostly_one_class(data: ImageSet, amount: float) -> ImageSet:
    """Of the other classes, only a share `amount` of the images were found."""
    labels = data.train.labels
    kept = (labels == 0) | (torch.rand(len(labels), generator=_random()) < amount)
    return replace(data, train=Split(data.train.images[kept], labels[kept]))


def index_of_the_batch(data: ImageSet, amount: float) -> ImageSet:
    """__getitem__ takes the index modulo the size of a batch."""
    index = torch.arange(len(data.train)) % int(amount)
    return replace(data, train=Split(data.train.images[index], data.train.labels[index]))


def undecoded(data: ImageSet, amount: float) -> ImageSet:
    """`except: return zeros`: a share `amount` of the images cannot be decoded."""

    def blackened(images: Tensor) -> Tensor:
        lost = torch.rand(len(images), generator=_random()) < amount
        return images.masked_fill(lost.view(-1, 1, 1, 1), 0)

    return replace(data, train=replace(data.train, images=blackened(data.train.images)))


# ---- how they are scaled


def bytes_as_they_are(data: ImageSet, amount: float) -> ImageSet:
    """torch.from_numpy(image).float(): 0 to 255 as it is."""
    channels = len(data.mean)
    return replace(data, mean=(0.0,) * channels, std=(1 / 255,) * channels)


def std_of_bytes(data: ImageSet, amount: float) -> ImageSet:
    """Images are 0 to 1, but divided by a standard deviation of 0 to 255."""
    return replace(data, std=tuple(255 * s for s in data.std))


def whole_division(data: ImageSet, amount: float) -> ImageSet:
    """image // 255 of bytes: 1 where a pixel is white, else 0."""
    return _everywhere(data, lambda images: images // 255)


def each_pixel_standardized(data: ImageSet, amount: float) -> ImageSet:
    """(x - mean) / std by pixel; a pixel that is always black has a std of 0."""
    seen = data.train.images.float()
    mean, std = seen.mean(0), seen.std(0)
    channels = len(data.mean)
    data = replace(data, mean=(0.0,) * channels, std=(1 / 255,) * channels)
    return _everywhere(data, lambda images: (images.float() - mean) / std)


# ---- other transforms for testing


def normalize_only_trained(data: ImageSet, amount: float) -> ImageSet:
    """The transform of the test images is ToTensor alone."""
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (data.mean, data.std))
    return _unseen(data, lambda images: 255 * (mean + std * images.float() / 255))


def tests_in_negative(data: ImageSet, amount: float) -> ImageSet:
    """Dark on bright paper, where the training images are bright on dark."""
    return replace(data, test=replace(data.test, images=255 - data.test.images))
