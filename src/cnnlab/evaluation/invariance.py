"""Accuracy and consistency of a trained network on shifted, rotated, squashed and permuted images."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.common.errors import InputError
from cnnlab.common.limits import check_limits
from cnnlab.datasets.base import Split, normalize
from cnnlab.evaluation.transforms import Variant, permutation, variants

_KEY = re.compile(r"test/(accuracy|consistency)@(shift|rotation|squash)=([\d.e-]+)")
IMAGES = "test/changed_images"  # how many were changed and classified
# TensorBoard calls the horizontal axis "Step", whatever it is, so the tag says it.
AXES = {"shift": "shift_px", "rotation": "rotation_deg", "squash": "squash_percent"}


@dataclass(frozen=True)
class Invariance:
    """Amounts per kind of transform; an empty list skips the kind.

    `shifts` in whole pixels, `rotations` in degrees, `squashes` as the scale factor of one side; directions and
    border fill are defined in `evaluation.transforms`. `images`: number of images, evenly spread over the split;
    None: all. `permute`: also with the pixels in one random order, which leaves nothing of the image but its values.
    """

    shifts: Sequence[int] = ()
    rotations: Sequence[float] = ()
    squashes: Sequence[float] = ()
    images: int | None = None
    permute: bool = False

    def __post_init__(self) -> None:
        check_limits(
            evaluation_shifts=self.shifts,
            evaluation_rotations=self.rotations,
            evaluation_squashes=self.squashes,
            evaluation_images=self.images,
            evaluation_permute=self.permute,
        )

    def check(self, shape: tuple[int, int, int], setting: str = "evaluation.shifts") -> None:
        """Raise InputError if a shift would move an image of `shape` (C, H, W) out completely. `setting`: where the
        shifts were given."""
        side = min(shape[1:])
        for s in self.shifts:
            if s >= side:
                raise InputError(
                    f"{setting}: a shift by {s} leaves nothing of images of {shape[1]}x{shape[2]}.\n"
                    f"Give shifts below {side}."
                )

    def __call__(
        self,
        network: nn.Module,
        split: Split,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        batch_size: int = 512,
    ) -> dict[str, float]:
        """`test/accuracy@shift=4` and `test/consistency@shift=4` for each amount of each kind; `...@permute`; and the
        number of images.

        Accuracy is the share of images classified correctly, consistency the share with the same prediction as
        the unchanged image, right or wrong; both are means over the amount's directions. Runs on the network's
        device in evaluation mode, and restores the mode.
        """
        changes = variants(self.shifts, self.rotations, self.squashes) + [permutation()] * self.permute
        if not changes:
            return {}
        device = next(network.parameters()).device
        hits = torch.zeros(len(changes), 2, dtype=torch.int64, device=device)
        images, labels = _subsample(split, self.images)
        training = network.training
        network.eval()
        try:
            with torch.no_grad():
                for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True):
                    hits += _hits(network, changes, normalize(x.to(device), mean, std), y.to(device))
        finally:
            network.train(training)
        return _shares(changes, hits.tolist(), len(labels)) | {IMAGES: len(labels)}


def curves(results: Mapping[str, object]) -> Iterator[tuple[str, int, float]]:
    """(tag, step, value) of `invariance/accuracy_by_shift_px`, ...: in TensorBoard the step is the amount.

    A squash is in percent removed of one side. Amount 0 is `test/accuracy` (if the results have it), and 1 for
    consistency.
    """
    started: set[str] = set()
    for key, value in results.items():
        found = _KEY.fullmatch(key)
        if found is None or not isinstance(value, (int, float)):
            continue
        what, kind, amount = found[1], found[2], float(found[3])
        tag = f"invariance/{what}_by_{AXES[kind]}"
        clean = results.get("test/accuracy") if what == "accuracy" else 1.0
        if tag not in started and isinstance(clean, (int, float)):
            yield tag, 0, float(clean)
        started.add(tag)
        yield tag, round(100 * (1 - amount)) if kind == "squash" else round(amount), float(value)


def _subsample(split: Split, count: int | None) -> tuple[Tensor, Tensor]:
    if count is None or count >= len(split):
        return split.images, split.labels
    chosen = torch.arange(count, device=split.labels.device) * len(split) // count
    return split.images[chosen], split.labels[chosen]


def _hits(network: nn.Module, changes: Sequence[Variant], x: Tensor, y: Tensor) -> Tensor:
    """(changes, 2): how many images are classified correctly, and how many as without the change."""
    own = network(x).argmax(1)
    found = [network(variant.change(x)).argmax(1) for variant in changes]
    return torch.stack([torch.stack([(f == y).sum(), (f == own).sum()]) for f in found])


def _shares(changes: Sequence[Variant], hits: list[list[int]], images: int) -> dict[str, float]:
    groups: dict[str, list[list[int]]] = {}
    for variant, pair in zip(changes, hits, strict=True):
        groups.setdefault(variant.name, []).append(pair)
    shares: dict[str, float] = {}
    for name, pairs in groups.items():
        for i, what in enumerate(("accuracy", "consistency")):
            shares[f"test/{what}@{name}"] = sum(pair[i] for pair in pairs) / (images * len(pairs))
    return shares
