"""What whoever trains on a data set should know about it beforehand."""

from collections import Counter
from collections.abc import Mapping, Sequence

from torch import Tensor

from cnnlab.common.words import plural
from cnnlab.datasets.base import ImageSet

NAMED = 5
FEW = 0.005  # of the images are passed over: sets that are well known have some


def remarks(data: ImageSet) -> list[str]:
    """Those of the loader; classes without an image in one of the splits; validation and test images that are learned;
    images that are in several classes: a sentence each."""
    found = [*data.remarks]
    splits = {"training": data.train, "validation": data.validation, "test": data.test}
    for name, split in splits.items():
        absent = _absent(split.labels, data.classes)
        if absent:
            classes = "class" if len(absent) == 1 else f"{len(absent):,} of {len(data.classes):,} classes:"
            found.append(f"{data.name}: no {name} image of {classes} {listed(absent)}.")
    for name, learned, where in (
        ("validation", data.equal.validation_in_training, "training"),
        ("test", data.equal.test_in_others, "training or validation"),
    ):
        if learned > FEW * len(splits[name]):
            count = plural(len(splits[name]), f"{name} image")
            found.append(f"{data.name}: {learned:,} of {count} are also {where} images.")
    several = data.equal.several_labels(0, 1, 2)
    if several.total() > FEW * sum(map(len, splits.values())):
        kinds = [f"{count:,} in {_in_words(labels, data.classes)}" for labels, count in several.most_common()]
        count = plural(several.total(), "image")
        found.append(f"{data.name}: {count} in several classes, equal to the byte: {listed(kinds)}.")
    return found


def _in_words(labels: Sequence[int], classes: Sequence[str]) -> str:
    """`cat and dog`, or the first and how many more."""
    names = [classes[label] for label in labels]
    return " and ".join(names) if len(names) == 2 else listed(names)


def skipped(where: str, endings: Mapping[str, int]) -> str:
    """A sentence about files that were left out: how many, by their ending."""
    kinds = [f"{count:,} {ending or 'without an ending'}" for ending, count in Counter(endings).most_common()]
    count = plural(sum(endings.values()), "file")
    return f"{where}: {count} skipped, not pictures of a known format: {listed(kinds)}."


def listed(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _absent(labels: Tensor, classes: Sequence[str]) -> list[str]:
    counts = labels.bincount(minlength=len(classes)).tolist()
    return [name for name, count in zip(classes, counts, strict=False) if not count]
