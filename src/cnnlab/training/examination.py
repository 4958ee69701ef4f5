"""A closer look at a finished run that learned little: what a linear classifier makes of the same images, whether
evaluation mode computes the same, whether the network can learn one batch, which learning rate would have suited it.

Each look returns entries for the history that the diagnosis reads, `check/<what>`; accuracies are shares of 1.
"""

import logging
import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from cnnlab.common.errors import NotApplicable
from cnnlab.common.random import undisturbed
from cnnlab.datasets.base import ImageSet, Split
from cnnlab.datasets.batches import Batches
from cnnlab.evaluation.baseline import baseline_accuracy
from cnnlab.training.range_test import range_test
from cnnlab.training.tally import batch_accuracy
from cnnlab.training.trainer import Batch, Trainer
from cnnlab.training.trials import SEED, Start, brief_training, first_nonfinite, one_batch, updating

log = logging.getLogger("cnnlab")
IMAGES = 1000  # for the baseline: twice as many make it 0.03 better on CIFAR-10, and take twice as long
MODE_IMAGES = 512
LIKE_IMAGES = 600  # of each split
FEW_TO_COMPARE = 20
FEW_TO_FORETELL = 250  # of half of fewer images a share scatters by more than 0.045
LEVELS_OF = 2000
ROUNDING, ROUNDING_LOWER = 1e-3, 0.05  # of outputs in float32, and in bf16 or fp16
BITS = {8: torch.bfloat16, 11: torch.float16}
SECONDS = 5.0  # of each trial
EXCHANGE_SECONDS = 10.0  # of each of those on many batches, of 100 or 200 steps

RemedyTrial = Callable[[str], float]  # an override -> accuracy of a brief run with it, of 1; may raise NotApplicable


class Examination:
    """Of one run; made before its first step, whose weights it keeps."""

    def __init__(self, trainer: Trainer, data: ImageSet, batches: Batches, try_remedy: RemedyTrial | None = None):
        self.trainer, self.data, self.batches, self.try_remedy = trainer, data, batches, try_remedy
        try:
            self.start: Start | None = Start.of(trainer)
        except NotApplicable as reason:
            log.info("no trials for this run: %s", reason)
            self.start = None

    def baseline(self) -> dict[str, float]:
        """`check/baseline`: validation accuracy of a linear classifier on untrained features of the images as they are
        trained on; `check/baseline_clean`: without augmentation."""
        validation = _some(self._in_order(self.data.validation), IMAGES)
        classes = len(self.data.classes)
        found = {"check/baseline": baseline_accuracy(_some(self.batches.epoch(0), IMAGES), validation, classes)}
        if self.batches.augment is not None:
            clean = _some(self._in_order(self.data.train), IMAGES)
            found["check/baseline_clean"] = baseline_accuracy(clean, validation, classes)
        return found

    def likeness(self) -> dict[str, float]:
        """`check/told_apart`: share of images of which a linear classifier knows whether they are of the training or
        of the test split, with equally many of each class and no training image twice; 0.5 where both are alike (a
        classifier two-sample test, Lopez-Paz and Oquab 2017). `check/train_labels`, `check/test_labels`: share of the
        labels of one half of those that it tells after learning the other half."""
        first = self.data.equal.first  # a copy of what was learned is foretold whatever the images show
        train, test = self.data.train, self.data.test
        learned, tested = _matched(train.labels[first], test.labels, LIKE_IMAGES // len(self.data.classes))
        if len(tested) < FEW_TO_COMPARE:
            return {}
        chosen = first[learned], tested
        parts = [Split(split.images[i], split.labels[i]) for split, i in zip((train, test), chosen, strict=True)]
        some = [_some(self._in_order(part), LIKE_IMAGES) for part in parts]
        halves = [[(x[start::2], y[start::2]) for x, y in some] for start in (0, 1)]
        origins = [
            (torch.cat([x for x, _ in half]), torch.cat([torch.full((len(x),), i) for i, (x, _) in enumerate(half)]))
            for half in halves
        ]
        found = {"check/told_apart": baseline_accuracy(origins[0], origins[1], 2)}
        splits = ("train", "test") if len(tested) >= FEW_TO_FORETELL else ()
        for name, half, other in zip(splits, *halves, strict=False):
            found[f"check/{name}_labels"] = baseline_accuracy(half, other, len(self.data.classes))
        return found

    def modes(self) -> dict[str, float]:
        """Accuracy on the same training images in training and in evaluation mode, `check/training_mode` and
        `check/evaluation_mode`. `check/agreement`: correlation between the outputs of two passes of the same images in
        training mode, 1 where nothing is dropped, NaN where all images have the same output;
        `check/agreement_at_start`: with the initial weights, since noise can drive a network into a constant."""
        x, y = _some(self.batches.epoch(0), MODE_IMAGES)
        parts = x.split(self.batches.batch_size), y.split(self.batches.batch_size)
        with torch.no_grad(), undisturbed(SEED, self.trainer.device):
            training, other = _two_passes(self.trainer, parts[0])
            found = {"check/agreement": _correlation(training, other)}
            if (start := self._from_start()) is not None:
                found["check/agreement_at_start"] = _correlation(*_two_passes(start, parts[0]))
            evaluation = self.trainer.predict(zip(*parts, strict=True))[0]
            return found | {
                "check/training_mode": batch_accuracy(training, y).item(),
                "check/evaluation_mode": batch_accuracy(evaluation, y).item(),
            }

    def order(self) -> dict[str, float]:
        """Of two batches of validation images, 1 if true, else 0: `check/evaluation_varies`, evaluation mode is random;
        `check/order_matters`, an image's output depends on its place in the batch, or on the others in it. Empty where
        the images are too few."""
        x, y = _some(self._in_order(self.data.validation), 2 * self.batches.batch_size)
        size = min(self.batches.batch_size, len(x) // 2)
        if size < 2:
            return {}
        x, labels = x[: 2 * size], y[: 2 * size].split(size)
        with torch.no_grad(), undisturbed(SEED, self.trainer.device):
            # Half a batch on: each image has another place, and other images beside it.
            once, again, back = (
                self.trainer.predict(zip(x.roll(by, 0).split(size), labels, strict=True))[0].roll(-by, 0)
                for by in (0, 0, size // 2)
            )
        rounding = ROUNDING if self.trainer.precision == "fp32" else ROUNDING_LOWER
        return {
            "check/evaluation_varies": float(_differ(once, again, rounding)),
            "check/order_matters": float(_differ(once, back, rounding)),
        }

    def trials(self) -> dict[str, float]:
        """`check/one_batch`: accuracy that the network reaches on one batch as the run trains, `check/reference` with
        AdamW and nothing in the way; their last losses, `..._loss`; `..._unfinished`, 1 if the loss was still falling
        or the time over, else 0; `check/best_rate`: of a learning-rate range test, 0 if no rate lowers the loss. Absent
        where not applicable."""
        if self.start is None:
            return {}
        found: dict[str, float] = {}
        x, y = next(iter(self.batches.epoch(0)))
        try:
            for name, reference in (("one_batch", False), ("reference", True)):
                tried = one_batch(self.start, x[:64], y[:64], steps=100, seconds=SECONDS, reference=reference)
                found[f"check/{name}"] = 1.0 if tried.learned else tried.accuracy
                found[f"check/{name}_loss"] = tried.last_loss
                found[f"check/{name}_unfinished"] = float(tried.unfinished)
            tested = range_test(self.start, self.batches, SECONDS)
            found["check/best_rate"] = tested.best or 0.0
        except NotApplicable as reason:
            log.info("not all trials for this run: %s", reason)
        return found

    def exchanges(self) -> dict[str, float]:
        """Accuracy on validation images after 100 steps at the peak rate: `check/again`, all as in the run; with one
        part of it exchanged for a usual one, `check/usual_training`, AdamW and nothing in the way, and
        `check/usual_weights`, drawn anew; `check/usual_both`. Absent where not applicable."""
        if self.start is None:
            return {}
        size = self.batches.batch_size
        x, y = _some(self._in_order(self.data.validation), IMAGES)
        unseen = list(zip(x.split(size), y.split(size), strict=True))
        found: dict[str, float] = {}
        try:
            for name, reference, anew in (
                ("again", False, False),
                ("usual_training", True, False),
                ("usual_weights", False, True),
                ("usual_both", True, True),
            ):
                found[f"check/{name}"] = brief_training(
                    self.start, self.batches, unseen, seconds=EXCHANGE_SECONDS, reference=reference, anew=anew
                )
        except NotApplicable as reason:
            log.info("not all trials for this run: %s", reason)
        return found

    def updating(self) -> dict[str, float]:
        """`check/update_cosine`: of the first update with the direction of descent. `check/gradient_first`,
        `check/gradient_later`: norm of the gradient that the optimizer gets over that of the batch's loss, in its first
        step and in the later of ten. Absent where not applicable."""
        try:
            found = updating(self.start, self.batches) if self.start is not None else None
        except NotApplicable as reason:
            log.info("no look at the updates: %s", reason)
            return {}
        if found is None:
            return {}
        names = {"update_cosine": found.cosine, "gradient_first": found.first, "gradient_later": found.later}
        return {f"check/{name}": value for name, value in names.items() if math.isfinite(value)}

    def weights(self) -> dict[str, float]:
        """`check/weight_levels`: how many different values the weights of the largest layer have in the end, of
        LEVELS_OF or more; `check/weight_levels_at_start`. `check/weight_bits`: 8 where all of its weights are bfloat16
        numbers, 11 where they are float16 numbers, else 24."""
        values = _largest(self.trainer.network)
        if values is None:
            return {}
        bits = next((b for b, kind in BITS.items() if torch.equal(values, values.to(kind).float())), 24)
        found = {"check/weight_levels": float(len(values.unique())), "check/weight_bits": float(bits)}
        if (start := self._from_start()) is not None and (before := _largest(start.network)) is not None:
            found["check/weight_levels_at_start"] = float(len(before.unique()))
        return found

    def origin(self) -> dict[str, float]:
        """For a run with NaN or infinity: `check/produced/<operation> in <type>`, the operation that first makes one of
        finite values, of which that was the largest; `check/produced_by_update`, 1 if it is the optimizer's. Absent
        where it does not happen again."""
        try:
            found = first_nonfinite(self.start, self.batches, seconds=SECONDS) if self.start is not None else None
        except NotApplicable as reason:
            log.info("the origin of NaN is not looked for: %s", reason)
            return {}
        if found is None:
            return {}
        key = f"check/produced/{found.operation} in {found.dtype}"
        return {key: found.largest, "check/produced_by_update": float(found.updating)}

    def remedy(self, override: str) -> dict[str, float]:
        """`check/remedy/<override>`: accuracy of a brief run with this one change; `check/as_it_was` for none, "".
        Absent where not applicable."""
        if self.try_remedy is None:
            return {}
        try:
            return {f"check/remedy/{override}" if override else "check/as_it_was": self.try_remedy(override)}
        except NotApplicable as reason:
            log.info("no trial of a remedy: %s", reason)
            return {}

    def _from_start(self) -> Trainer | None:
        """A copy of network and optimizer as before the first step, if there can be one."""
        try:
            return self.start.trainer() if self.start is not None else None
        except NotApplicable as reason:
            log.info("no copy of this run's start: %s", reason)
            return None

    def _in_order(self, split) -> Iterable[Batch]:
        return Batches(split, self.data.mean, self.data.std, IMAGES, self.trainer.device).in_order()


def _largest(network: torch.nn.Module) -> Tensor | None:
    """Of its weights those that are most, flat; None if they are few."""
    sizes = {p.numel(): p.detach().float() for p in network.parameters() if p.dim() > 1}
    return sizes[max(sizes)].flatten() if sizes and max(sizes) >= LEVELS_OF else None


def _matched(one: Tensor, other: Tensor, each: int) -> tuple[Tensor, Tensor]:
    """Indices into both, labels (N,), that have equally many of each class, at most `each`, drawn at random."""
    stream, found = torch.Generator().manual_seed(SEED), ([], [])
    for label in one.unique():
        places = [(labels == label).nonzero()[:, 0] for labels in (one, other)]
        count = min(each, *map(len, places))
        for chosen, where in zip(found, places, strict=True):
            chosen.append(where[torch.randperm(len(where), generator=stream)[:count]])
    return torch.cat(found[0]), torch.cat(found[1])


def _two_passes(trainer: Trainer, parts: Sequence[Tensor]) -> list[Tensor]:
    """Outputs (N, classes) of the same images in training mode, twice."""
    with trainer.unchanged():
        return [torch.cat([trainer.network(trainer.layout(part)) for part in parts]) for _ in range(2)]


def _correlation(a: Tensor, b: Tensor) -> float:
    """Of the outputs (N, classes) around their mean over the images."""
    a, b = ((x - x.mean(0)).double().flatten() for x in (a, b))
    return float(torch.dot(a, b) / (a.norm() * b.norm()))


def _differ(a: Tensor, b: Tensor, rounding: float) -> bool:
    """By more than rounding, measured by the size of the whole."""
    return bool((a - b).abs().max() > rounding * a.abs().max())


def _some(batches: Iterable[Batch], count: int) -> tuple[Tensor, Tensor]:
    """The first `count` images (N, C, H, W) and their labels (N,)."""
    images, labels, have = [], [], 0
    for x, y in batches:
        images.append(x)
        labels.append(y)
        have += len(y)
        if have >= count:
            break
    if not images:
        return torch.empty(0, 1, 1, 1), torch.empty(0, dtype=torch.int64)
    return torch.cat(images)[:count], torch.cat(labels)[:count]
