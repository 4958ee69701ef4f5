"""Which images of a set are equal to the byte: in several splits, or under several labels."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class EqualImages:
    """`codes`: of training, validation and test images, int64 (N,) each, equal for images that are equal to the byte.
    `labels`: the same of their labels. `blank`: bool (N,) each, of images with one value everywhere, which may be of
    any class and are no copies of each other: they are left out of all that is counted here."""

    codes: Sequence[Tensor]
    labels: Sequence[Tensor]
    blank: Sequence[Tensor]

    @classmethod
    def of(cls, splits: Sequence[tuple[Tensor, Tensor]]) -> "EqualImages":
        """`splits`: images (N, C, H, W) and labels (N,) of training, validation and test. 0.2 s for CIFAR-10."""
        images = [images.flatten(1) for images, _ in splits]
        codes = [torch.tensor([hash(image) for image in _as_bytes(flat)]) for flat in images]
        return cls(codes, [labels.cpu() for _, labels in splits], [flat.amin(1).eq(flat.amax(1)) for flat in images])

    @cached_property
    def validation_in_training(self) -> int:
        """Validation images that are training images as well."""
        return self._among(1, 0)

    @cached_property
    def test_in_others(self) -> int:
        """Test images that are training or validation images as well."""
        return self._among(2, 0, 1)

    @property
    def first(self) -> Tensor:
        """Places of the training images that are blank or equal no earlier one."""
        _, pictures = self.codes[0].unique(return_inverse=True)
        places = torch.arange(len(pictures))
        firsts = torch.full_like(places, len(places)).scatter_reduce_(0, pictures, places, "amin")
        return (self.blank[0] | (firsts[pictures] == places)).nonzero()[:, 0]

    @cached_property
    def learned(self) -> tuple[int, int]:
        """Validation and test images that are training images with the same label: what was learned is right there."""
        known = {*self._pairs(0)}
        validation, test = (sum(pair in known for pair in self._pairs(i)) for i in (1, 2))
        return validation, test

    def several_labels(self, *splits: int) -> Counter[tuple[int, ...]]:
        """How many different images of these splits, 0 to 2, have each of these sets of two and more labels."""
        pictures, labels, _ = self._labelled(*splits)
        several = pictures.bincount()[pictures] > 1
        found: dict[int, list[int]] = {}
        for picture, label in zip(pictures[several].tolist(), labels[several].tolist(), strict=True):
            found.setdefault(picture, []).append(label)
        return Counter(tuple(known) for known in found.values())

    @cached_property
    def ceiling(self) -> float:
        """The largest share of training and validation images for which one answer per different image is right."""
        pictures, _, counts = self._labelled(0, 1)
        best = torch.zeros(int(pictures.max()) + 1 if len(pictures) else 0, dtype=torch.int64)
        right = int(best.scatter_reduce_(0, pictures, counts, "amax").sum())
        blank = sum(int(one.sum()) for one in self.blank[:2])
        return (right + blank) / (len(self.codes[0]) + len(self.codes[1]))

    def _among(self, split: int, *others: int) -> int:
        known = torch.cat([self.codes[i] for i in others])
        return int((torch.isin(self.codes[split], known) & ~self.blank[split]).sum())

    def _pairs(self, split: int) -> Iterator[tuple[int, int]]:
        """Code and label of each image that is not blank."""
        seen = ~self.blank[split]
        return zip(self.codes[split][seen].tolist(), self.labels[split][seen].tolist(), strict=True)

    def _labelled(self, *splits: int) -> tuple[Tensor, Tensor, Tensor]:
        """The different pairs of image and label in these splits: the image's number, the label, how many there are; in
        the order of numbers and labels."""
        codes, labels, blank = (torch.cat([one[i] for i in splits]) for one in (self.codes, self.labels, self.blank))
        _, pictures = codes[~blank].unique(return_inverse=True)
        pairs, counts = torch.stack([pictures, labels[~blank]]).unique(dim=1, return_counts=True)
        return pairs[0], pairs[1], counts


def _as_bytes(images: Tensor) -> Iterator[bytes]:
    """Of images (N, D)."""
    return (image.tobytes() for image in images.contiguous().view(torch.uint8).numpy())
