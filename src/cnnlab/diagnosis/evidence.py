"""Input of the rules: the logged steps by statistic and layer, and the run's setup."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

from cnnlab.diagnosis.chance import RARE, at_least, differ
from cnnlab.diagnosis.context import Context
from cnnlab.diagnosis.logged_step import Record, read_row

# Batches to average: the accuracy of a single batch of 64 has a standard deviation of 6 points.
RECENT, RECENT_IMAGES = 5, 100  # at least
# Slow starts stay at ln(classes) for tens of steps.
PATIENCE = 100
RATE_STOPPED = 1e-3  # of its peak; one_cycle and cosine come to less in the last steps alone
# Steps of brief runs, in which the default network is far above chance on all images of configs/.
BRIEF = 300
# A network whose accuracy is less than this above guessing is not called healthy.
LITTLE = 0.1
# An accuracy on so few images that chance alone may move it by 10 points, sqrt(0.25 / 25), is not judged by.
FEW_IMAGES = 25
# From this share of its images on that are training images, the accuracy on a split says nothing of new ones.
COPIED = 0.5
# Of what a linear classifier on untrained features makes above guessing; healthy networks make 0.88 and more.
BELOW = 0.8
# How far between guessing and 1 a network is to come for what went wrong at the start to be no more than a note.
OVERCOME = 0.85
_TRAINED = {"train/loss", "train/epoch_loss"}
# What is measured on the images of a split.
_SCORED = {"validation": ("validation/accuracy", "check/baseline", "check/baseline_clean"), "test": ("test/accuracy",)}


@dataclass(frozen=True)
class Evidence:
    """A run as seen by the rules, without accuracies on images of one class or on copies of training images, which tell
    nothing, and on fewer than `FEW_IMAGES`. `measured`: the records with layer statistics. `few`: the last accuracies
    on so few images, for comparisons with what these can show."""

    context: Context
    records: list[Record]
    measured: list[Record] = field(default_factory=list)
    few: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, history: Iterable[Mapping[str, float]], context: Context) -> "Evidence":
        why = {key: _untelling(context, split) for split, keys in _SCORED.items() for key in keys}
        records, few = [], {}
        for row in history:
            records.append(read_row({key: value for key, value in row.items() if not why.get(key)}))
            few |= {key: value for key, value in row.items() if why.get(key) == "few"}
        return cls(context, records, [m for m in records if m.of("preactivation/std")], few)

    @property
    def first(self) -> Record | None:
        """The first measured record, finite or not."""
        return self.measured[0] if self.measured else None

    @property
    def last(self) -> Record | None:
        """The last measured record with only finite values, or else the first record."""
        return next((m for m in reversed(self.measured) if m.finite), self.first)

    def shown(self, wrong: Callable[[Record], object]) -> Record | None:
        """The first record if `wrong`; else the start of the `wrong` stretch that ends with `last`, if any."""
        if self.first is None or self.last is None or wrong(self.first):
            return self.first
        found = None
        for record in reversed(self.measured[: self.measured.index(self.last) + 1]):
            if not wrong(record):
                break
            found = record
        return found

    def recent(self, key: str) -> float:
        """`train/loss` or `train/accuracy`: mean of the last complete epoch, or else of the last logged batches."""
        whole = key.replace("/", "/epoch_")
        epochs = [m.scalars[whole] for m in self.records if whole in m.scalars]
        if epochs:
            return epochs[-1]
        batches = self.values(key)[-self._recent_batches :]
        return fmean(batches) if batches else math.nan

    @property
    def _recent_batches(self) -> int:
        return max(RECENT, math.ceil(RECENT_IMAGES / (self.context.batch_size or RECENT_IMAGES)))

    @property
    def below_guessing(self) -> bool:
        """Whether the recent training accuracy is less than half of guessing's, and further below that than three
        times what chance alone moves it on its number of images, if that is known."""
        share, size = self.context.guessing, self.context.batch_size
        if share is None:
            return False
        batches = len(self.values("train/accuracy")[-self._recent_batches :])
        images = self.context.images if self.values("train/epoch_accuracy") else batches * (size or 0)
        scatter = math.sqrt(share * (1 - share) / images) if images else 0.0
        return self.recent("train/accuracy") < min(0.5 * share, share - 3 * scatter)

    @property
    def steps(self) -> int:
        """Steps done: an epoch is logged after its last step, a measured step before its update."""
        if self.context.planned_steps == 0:  # one batch is measured all the same
            return 0
        done = [m.step + ("train/loss" in m.scalars) for m in self.records if m.scalars.keys() & _TRAINED]
        return max(done, default=0)

    @property
    def over(self) -> bool:
        """Whether it is known to have come to its end, however early that was planned."""
        return self.context.planned_steps is not None and self.steps >= self.context.planned_steps

    def values(self, key: str) -> list[float]:
        return [m.scalars[key] for m in self.records if key in m.scalars]

    def latest(self, key: str) -> float:
        """NaN if it was never logged."""
        return next(reversed(self.values(key)), math.nan)

    @property
    def first_loss(self) -> float:
        return next(iter(self.values("train/loss")), math.nan)

    @property
    def reached(self) -> float:
        """The better of training and last validation accuracy: dropout and augmentation lower the former."""
        return self._best[0]

    @property
    def reached_on(self) -> str:
        """`on 140 validation images`, where that accuracy is from."""
        return self.on(self._best[1])

    @property
    def _best(self) -> tuple[float, str]:
        known = {"training": self.recent("train/accuracy"), "validation": self.latest("validation/accuracy")}
        found = [(accuracy, split) for split, accuracy in known.items() if not math.isnan(accuracy)]
        return max(found, key=lambda pair: pair[0], default=(math.nan, "training"))

    def scatter(self, *splits: str) -> float:
        """Standard deviation that the number of images alone causes in the accuracy on `validation` or `test` images,
        or in the difference of the two; 0 if the numbers are unknown."""
        return math.hypot(*(self._scatter(split) for split in splits))

    def _scatter(self, split: str) -> float:
        accuracy, images = self.latest(f"{split}/accuracy"), _images(self.context, split)
        # With few images an accuracy of 0 or 1 is a matter of luck as well.
        return math.sqrt(max(accuracy * (1 - accuracy), 0.05) / images) if images else 0.0

    def compared(self, split: str) -> float:
        """The last accuracy on `validation` or `test` images, however few they are."""
        key = f"{split}/accuracy"
        return self.few.get(key, self.latest(key))

    @property
    def gap(self) -> float:
        """Validation accuracy minus test accuracy. NaN if one is unknown, or if of few images so different numbers are
        right by chance."""
        accuracies = {split: self.compared(split) for split in _SCORED}
        validation, test = accuracies.values()
        if not self.few:
            return validation - test
        counts = [(accuracy, _images(self.context, split)) for split, accuracy in accuracies.items()]
        known = [(round(a * n), n) for a, n in counts if n is not None and not math.isnan(a)]
        return validation - test if len(known) == len(counts) and differ(*known) < RARE else math.nan

    @property
    def gap_by_chance(self) -> float:
        """How large `gap` may be by the numbers of images alone: three times its scatter; of few images it is NaN."""
        return 3 * self.scatter("validation", "test") if not self.few else 0.0

    @property
    def mistaken(self) -> dict[str, dict[str, float]]:
        """Of each class that no test image is called, how many of its images are called what: {class: {class: n}}."""
        names, called = [*self.context.class_images], {}
        for pair, count in (pair for record in self.records for pair in record.of("test/mistaken").items()):
            true, said = map(int, pair.split("/"))
            if names:
                called.setdefault(names[true], {})[names[said]] = count
        return called

    def few_foretold(self, key: str) -> bool:
        """Whether an accuracy on few validation images is better than guessing, and not by chance."""
        share, images = self.context.guessing, self.context.validation_images
        if share is None or images is None or math.isnan(accuracy := self.few.get(key, math.nan)):
            return False
        return at_least(round(accuracy * images), images, share) < RARE

    def on(self, split: str) -> str:
        """`on 360 test images`, or `on test images` where their number is unknown."""
        images = _images(self.context, split)
        return f"on {split} images" if images is None else f"on {images:,} {split} images"

    @property
    def final(self) -> float:
        """The accuracy that counts in the end: what was reached, and no more than the test shows."""
        test = self.latest("test/accuracy")
        return self.reached if math.isnan(test) else min(self.reached, test)

    @property
    def final_on(self) -> str:
        """`on 360 test images`, where that accuracy is from."""
        return self.on("test") if self.latest("test/accuracy") < self.reached else self.reached_on

    @property
    def learned(self) -> bool:
        """Whether training accuracy is at least a quarter of the way from guessing to 1."""
        return self.skill(self.recent("train/accuracy")) > 0.25

    def skill(self, accuracy: float) -> float:
        """How far an accuracy is from guessing (0) to 1; NaN if either is unknown."""
        share = self.context.guessing
        return math.nan if share is None or share >= 1 else (accuracy - share) / (1 - share)

    @property
    def near_guessing(self) -> bool:
        """Within 10 points, or for very unequal classes within half of what is left to 1."""
        return self._is_near(self.final)

    @property
    def guesses(self) -> bool:
        """Whether it is near guessing, and that does not rest on a draw of few test images alone."""
        return self._is_near(self.reached) or (
            self.near_guessing and self.reached - self.final >= 3 * self.scatter("test")
        )

    def _is_near(self, accuracy: float) -> bool:
        share = self.context.guessing
        return share is not None and accuracy <= share + min(LITTLE, (1 - share) / 2)

    @property
    def below_baseline(self) -> bool:
        """Far worse than a linear classifier on untrained features (`check/baseline`), if that was tried."""
        baseline, accuracies = self.latest("check/baseline"), (self.reached, self.latest("test/accuracy"))
        # The better of all that is known, since validation images are few.
        best = max((accuracy for accuracy in accuracies if not math.isnan(accuracy)), default=math.nan)
        return self.skill(best) < BELOW * self.skill(baseline)

    @property
    def unjudged(self) -> str:
        """Why no accuracy but that of training counts: `5 validation and 12 test images are too few to judge by`."""
        if any(not math.isnan(self.latest(f"{split}/accuracy")) for split in _SCORED):
            return ""
        why: dict[str, list[str]] = {}
        for split in _SCORED:
            why.setdefault(_untelling(self.context, split), []).append(split)
        numbers = [f"{_images(self.context, split)} {split}" for split in why.get("few", [])]
        told = {
            f"{' and '.join(numbers)} images are too few to judge by": "few",
            f"all {' and '.join(why.get('one', []))} images are of one class": "one",
            f"most {' and '.join(why.get('copied', []))} images are training images": "copied",
        }
        return " and ".join(words for words, reason in told.items() if reason in why)

    @property
    def overcome(self) -> bool:
        """Whether training, and the test if there was one, came far between guessing and 1."""
        if self.unjudged:
            return False
        accuracies = [self.reached, self.latest("test/accuracy")]
        known = [self.skill(accuracy) for accuracy in accuracies if not math.isnan(accuracy)]
        return not math.isnan(self.reached) and all(skill >= OVERCOME for skill in known)

    @property
    def poor(self) -> bool:
        """Whether less was learned than there is to learn; never said of fewer than `PATIENCE` steps."""
        diverged = bool(self.records) and not all(m.finite for m in self.records)
        return diverged or (self.steps >= PATIENCE and (self.guesses or self.below_baseline))

    @cached_property
    def ratios(self) -> list[tuple[Record, float]]:
        """The measured steps with the size of their update. It says nothing of weights that began at zero: their first
        updates are all there is of them."""
        return self._ratios(without=())

    @cached_property
    def meant_ratios(self) -> list[tuple[Record, float]]:
        """The same, of the layers that are to be moved, and none at a lower rate than the others."""
        moved = {k for m in self.measured for k, ratio in m.of("weight/update_ratio").items() if ratio > 0}
        still = [k for k in self.context.left_out if k not in moved]
        return self._ratios(without=(*self.context.frozen, *self.context.slower, *still))

    def _ratios(self, without: Sequence[str]) -> list[tuple[Record, float]]:
        if self.updated_elsewhere:
            return []
        zeros = self.first.begun_at_zero if self.first else ()
        return [(m, r) for m in self.measured if (r := m.update_ratio(without=(*without, *zeros))) is not None]

    @cached_property
    def updated_elsewhere(self) -> bool:
        """Whether, in a loop of one's own, the weights change between watched steps and never in one."""
        moved = any(ratio > 0 for m in self.measured for ratio in m.of("weight/update_ratio").values())
        return self.context.settings is None and not moved and not self.still

    @property
    def still(self) -> bool:
        """Whether all weights have the same deviation at every measured step."""
        sizes = [m.of("weight/std") for m in self.measured if m.finite and m.of("weight/std")]
        return all(size == sizes[0] for size in sizes)

    @property
    def rate_shares(self) -> list[tuple[int, float]]:
        """Measured steps, and the learning rate there as a share of the schedule's peak."""
        lr = self.context.learning_rate
        known = [(m.step, m.scalars["optimizer/lr"]) for m in self.records if "optimizer/lr" in m.scalars]
        return [(step, now / lr) for step, now in known] if lr else []

    @property
    def stopped_from(self) -> int | None:
        """The logged step from which on the learning rate was next to nothing, for more than half of a run that is
        over; None if it was not, or had not been more before."""
        first = self.steps
        for step, share in reversed(self.rate_shares):
            if share >= RATE_STOPPED:
                return first if self.over and self.steps - first > self.steps / 2 else None
            first = step
        return None


def _images(context: Context, split: str) -> int | None:
    numbers = {"training": context.images, "validation": context.validation_images, "test": context.test_images}
    return numbers[split]


def _untelling(context: Context, split: str) -> str:
    """Why the accuracy on its images is not judged: `one` class, `copied` from training, `few`; else nothing."""
    images = _images(context, split)
    if split in context.one_class:
        return "one"
    if images and context.copied.get(split, 0) >= COPIED * images:
        return "copied"
    return "few" if images is not None and images < FEW_IMAGES else ""
