"""How well a trained network knows what it has learned when the picture is shifted, rotated or squashed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.common.errors import InputError
from cnnlab.common.limits import check_limits
from cnnlab.datasets.base import Split, normalize
from cnnlab.evaluation.transforms import Variant, variants

_KEY = re.compile(r"test/(accuracy|consistency)@(shift|rotation|squash)=([\d.]+)")


@dataclass(frozen=True)
class Invariance:
    """Grids of changes; empty ones measure nothing.

    `shifts` in whole pixels, `rotations` in degrees, `squashes` as the factor that remains of one side. What
    an amount means and what fills the border says `evaluation.transforms`. `images`: only so many of the
    split, evenly spread over it; None takes all.
    """

    shifts: Sequence[int] = ()
    rotations: Sequence[float] = ()
    squashes: Sequence[float] = ()
    images: int | None = None

    def __post_init__(self) -> None:
        check_limits(
            evaluation_shifts=self.shifts,
            evaluation_rotations=self.rotations,
            evaluation_squashes=self.squashes,
            evaluation_images=self.images,
        )

    def check(self, shape: tuple[int, int, int]) -> None:
        """Raise InputError where a shift would leave nothing of an image (C, H, W)."""
        side = min(shape[1:])
        for s in self.shifts:
            if s >= side:
                raise InputError(
                    f"evaluation.shifts: a shift by {s} leaves nothing of images of {shape[1]}x{shape[2]}.\n"
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
        """`test/accuracy@shift=4` and `test/consistency@shift=4` for each amount of each kind.

        Accuracy is the share of images whose class is found, consistency the share whose class is that of the
        unchanged image, right or wrong; both are means over the amount's directions. Works on the network's
        device in evaluation mode, and leaves the mode as it was.
        """
        changes = variants(self.shifts, self.rotations, self.squashes)
        if not changes:
            return {}
        device = next(network.parameters()).device
        hits = torch.zeros(len(changes), 2, dtype=torch.int64, device=device)
        images, labels = _evenly(split, self.images)
        training = network.training
        network.eval()
        try:
            with torch.no_grad():
                for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True):
                    hits += _hits(network, changes, normalize(x.to(device), mean, std), y.to(device))
        finally:
            network.train(training)
        return _shares(changes, hits.tolist(), len(labels))


def curves(results: Mapping[str, object]) -> Iterator[tuple[str, int, float]]:
    """(tag, step, value) of `invariance/shift/accuracy`, ...: in TensorBoard the step is the amount.

    Pixels for a shift, degrees for a rotation, percent taken away for a squash; `test/accuracy`, where the
    results hold it, is amount 0 of each curve.
    """
    begun: set[str] = set()
    for key, value in results.items():
        found = _KEY.fullmatch(key)
        if found is None or not isinstance(value, (int, float)):
            continue
        what, kind, amount = found[1], found[2], float(found[3])
        tag = f"invariance/{kind}/{what}"
        clean = results.get("test/accuracy") if what == "accuracy" else 1.0
        if tag not in begun and isinstance(clean, (int, float)):
            yield tag, 0, float(clean)
        begun.add(tag)
        yield tag, round(100 * (1 - amount)) if kind == "squash" else round(amount), float(value)


def _evenly(split: Split, count: int | None) -> tuple[Tensor, Tensor]:
    if count is None or count >= len(split):
        return split.images, split.labels
    chosen = torch.arange(count, device=split.labels.device) * len(split) // count
    return split.images[chosen], split.labels[chosen]


def _hits(network: nn.Module, changes: Sequence[Variant], x: Tensor, y: Tensor) -> Tensor:
    """For each change how many images of the batch keep the right class, and how many their own: (changes, 2)."""
    own = network(x).argmax(1)
    found = [network(variant.change(x)).argmax(1) for variant in changes]
    return torch.stack([torch.stack([(f == y).sum(), (f == own).sum()]) for f in found])


def _shares(changes: Sequence[Variant], hits: list[list[int]], images: int) -> dict[str, float]:
    groups: dict[tuple[str, float], list[list[int]]] = {}
    for variant, pair in zip(changes, hits, strict=True):
        groups.setdefault((variant.kind, variant.amount), []).append(pair)
    shares: dict[str, float] = {}
    for (kind, amount), pairs in groups.items():
        for i, what in enumerate(("accuracy", "consistency")):
            shares[f"test/{what}@{kind}={amount:g}"] = sum(pair[i] for pair in pairs) / (images * len(pairs))
    return shares
