"""The common form of all data sets: uint8 tensors, class names, mean and std per channel."""

import errno
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache

import psutil
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from cnnlab.common.errors import InputError
from cnnlab.common.limits import check_limits
from cnnlab.common.words import plural
from cnnlab.datasets.checked import check_bytes, check_classes, check_parts, check_split
from cnnlab.datasets.equal_images import EqualImages

# The validation split (and the test split, if a set has none) does not depend on the run's seed, so that all runs
# are evaluated on the same images.
DATA_SEED = 0
CHUNK = 4096  # images processed at a time, to bound memory
AT_A_TIME = 64  # images in double precision

Moments = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Split:
    images: Tensor  # uint8 (N, C, H, W)
    labels: Tensor  # int64 (N,)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class ImageSet:
    """`mean`, `std`: one value per channel, of the training images scaled to 0..1. `remarks`: what its loader found
    odd, a sentence each. `top`: what was white in files of 16-bit greyscale, None without such. Raises InputError for
    parts that do not fit each other."""

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    remarks: tuple[str, ...] = ()
    top: int | None = None

    def __post_init__(self) -> None:
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        parts = {name: (split.images, split.labels) for name, split in splits.items()}
        check_parts(self.name, parts, self.classes, {"mean": self.mean, "std": self.std})

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        c, h, w = self.train.images.shape[1:]
        return c, h, w

    @cached_property
    def equal(self) -> EqualImages:
        """Which of its images are equal."""
        return EqualImages.of([(split.images, split.labels) for split in (self.train, self.validation, self.test)])


def fingerprint(data: ImageSet) -> str:
    """16 hex digits of the SHA-256 of all images and labels with their shapes, in order of training, validation, test.

    Two runs saw the same images in the same splits if and only if theirs agree. 0.15 s for CIFAR-10.
    """
    found = hashlib.sha256()
    for split in (data.train, data.validation, data.test):
        for values in (split.images, split.labels):
            found.update(f"{tuple(values.shape)}".encode())
            found.update(values.contiguous().numpy().data)  # without a copy: splits are slices
    return found.hexdigest()[:16]


def image_set(what: str, data: object) -> ImageSet:
    """`data`, if it is an ImageSet; else an InputError."""
    if isinstance(data, ImageSet):
        return data
    raise InputError(
        f"{what} is of type {type(data).__name__}, and an ImageSet is needed.\n"
        "Make one of uint8 images and int64 labels: assemble(name, Split(images, labels), test, classes, validation),\n"
        "from cnnlab.datasets.base."
    )


def distinct_share(images: Tensor, among: int = 2000) -> float:
    """Share of the first `among` images (N, C, H, W) that differ from all earlier ones; 1 for none.

    Images count as equal if their dot products with a random image are, in double precision: 2 ms, where comparing
    them takes seconds.
    """
    part = images[:among].flatten(1)
    if not len(part):
        return 1.0
    direction = torch.rand(part.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    products = torch.cat([few.double() @ direction for few in part.split(AT_A_TIME)])
    return len(products.nan_to_num().unique()) / len(part)


def broken_share(images: Tensor) -> float:
    """Share of the images (N, C, H, W) that hold NaN or infinity: 0 for integers, which cannot."""
    if not images.is_floating_point() or not len(images):
        return 0.0
    return sum((~part.flatten(1).isfinite().all(1)).sum().item() for part in images.split(CHUNK)) / len(images)


def facts(data: ImageSet) -> dict[str, str | int]:
    """The data's entries in `results.json`."""
    return {"data/fingerprint": fingerprint(data), "train/images": len(data.train)}


def normalize(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """(x / 255 - mean) / std as float32 (N, C, H, W), on the device of the uint8 images.

    Computed as x * scale + shift: 0.07 ms for 128 images of 3x32x32 on one core, versus 0.11 ms for subtraction
    and division, 0.23 ms for addcmul and 0.25 ms for a 256-entry lookup table.
    """
    scale, shift = _scale_and_shift(tuple(mean), tuple(std), images.device)
    return images.float().mul_(scale).add_(shift)


@lru_cache(maxsize=64)
def _scale_and_shift(mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):  # inference tensors cannot be used in training later
        m, s = (torch.tensor(values, dtype=torch.float64).view(-1, 1, 1) for values in (mean, std))
        return (1 / (255 * s)).float().to(device), (-m / s).float().to(device)


def channel_moments(images: Tensor) -> Moments:
    """Mean and std per channel of uint8 (N, C, H, W), scaled to 0..1; exact, from a 256-bin histogram.

    50 ms for MNIST. A constant channel gets std 1, so that it normalizes to 0.
    """
    counts = torch.zeros(images.shape[1], 256, dtype=torch.int64)
    for chunk in images.split(CHUNK):
        for channel in range(images.shape[1]):
            counts[channel] += torch.bincount(chunk[:, channel].flatten(), minlength=256)
    share = counts.double() / counts.sum(1, keepdim=True)
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = share @ values
    std = (share * (values - mean[:, None]) ** 2).sum(1).sqrt()
    std[std == 0] = 1
    return tuple(mean.tolist()), tuple(std.tolist())


def stratified_order(labels: Tensor, seed: int = DATA_SEED) -> Tensor:
    """A shuffled order in which every contiguous slice has the class proportions of the set, up to rounding.

    Each image gets the position (rank in its class + 1/2) / (size of its class), and positions are sorted. A set in
    this order is split at any share by slicing, without a copy.
    """
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    counts = labels.bincount()
    sizes, first = counts.repeat_interleave(counts), (counts.cumsum(0) - counts).repeat_interleave(counts)
    place = (torch.arange(len(labels)) - first + 0.5) / sizes.double()
    return by_class[place.argsort(stable=True)]


def cut(split: Split, count: int) -> tuple[Split, Split]:
    """The first `count` images and the rest, as views."""
    images, labels = split.images, split.labels
    return Split(images[:count], labels[:count]), Split(images[count:], labels[count:])


def assemble(
    name: str,
    train: Split,
    test: Split,
    classes: tuple[str, ...],
    validation: float,
    moments: Callable[[Tensor], Moments] = channel_moments,
) -> ImageSet:
    """The set, with the share `validation` split off `train`, which must be in stratified order. Raises InputError."""
    check_limits(dataset_validation=validation)
    check_classes(name, classes)
    check_split(f"{name}, train", train.images, train.labels, len(classes))
    check_bytes(f"{name}, train", train.images)
    count = max(1, round(validation * len(train)))
    if count >= len(train):
        smaller = "a smaller share, e.g. dataset.validation=0.1, or " if validation > 0.1 else ""
        raise InputError(
            f"dataset.validation={validation} of {plural(len(train), 'image')} leaves none to train on.\n"
            f"Give {smaller}more images."
        )
    held_out, rest = cut(train, count)
    mean, std = moments(rest.images)
    return ImageSet(name, rest, held_out, test, classes, mean, std)


def resize(images: Tensor, size: int | None) -> Tensor:
    """uint8 (N, C, H, W) -> uint8 (N, C, size, size), bilinear, antialiased; None: unchanged. Raises InputError."""
    n, c, h, w = images.shape
    if size is None or (h, w) == (size, size):
        return images
    if n * c * size**2 > memory():
        raise InputError(
            f"dataset.size={size} makes {n:,} images of {n * c * size**2 / 1e9:,.0f} GB; "
            f"this machine has {memory() / 1e9:,.0f} GB of memory.\nGive a smaller dataset.size."
        )
    resized = torch.empty(n, c, size, size, dtype=torch.uint8)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        resized[part] = interpolate(images[part], size=(size, size), mode="bilinear", antialias=True)
    return resized


@contextmanager
def reading() -> Iterator[None]:
    """Turn an OSError into an InputError that names the file."""
    try:
        yield
    except OSError as error:
        advice = "Check its permissions" if isinstance(error, PermissionError) else "Repair or remove it"
        if error.errno == errno.ENAMETOOLONG:
            advice = "Give a shorter name"
        raise InputError(f"{error.filename} cannot be read: {error.strerror}.\n{advice}.") from error


def memory() -> int:
    """Bytes of main memory."""
    return psutil.virtual_memory().total
