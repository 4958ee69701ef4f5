"""What a run's accuracies show, besides its steps: input of the rules."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cnnlab.diagnosis.chance import RARE, at_least, differ
from cnnlab.diagnosis.context import Context
from cnnlab.diagnosis.logged_step import read_row
from cnnlab.diagnosis.run_history import PATIENCE, RunHistory

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
# What is measured on the images of a split.
_SCORED = {"validation": ("validation/accuracy", "check/baseline", "check/baseline_clean"), "test": ("test/accuracy",)}


@dataclass(frozen=True)
class Evidence(RunHistory):
    """A run as seen by the rules, without accuracies on images of one class or on copies of training images, which tell
    nothing, and on fewer than `FEW_IMAGES`. `few`: the last accuracies on so few images, for comparisons with what
    these can show."""

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
        accuracy, images = self.latest(f"{split}/accuracy"), self.context.images_of(split)
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
        counts = [(accuracy, self.context.images_of(split)) for split, accuracy in accuracies.items()]
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
        images = self.context.images_of(split)
        return f"on {split} images" if images is None else f"on {images:,} {split} images"

    @property
    def final(self) -> float:
        """The accuracy that counts in the end: what was reached, and no more than the test shows."""
        test = self.latest("test/accuracy")
        return self.reached if math.isnan(test) else min(self.reached, test)

    @property
    def final_split(self) -> str:
        """Where that accuracy is from."""
        return "test" if self.latest("test/accuracy") < self.reached else self._best[1]

    def guessing(self, split: str) -> float | None:
        """Accuracy of always predicting the most frequent class: of the training images, where it is not known of these
        images."""
        known = self.context.largest_test_share if split == "test" else None
        return self.context.guessing if known is None else known

    @property
    def learned(self) -> bool:
        """Whether training accuracy is at least a quarter of the way from guessing to 1."""
        return self.skill(self.recent("train/accuracy")) > 0.25

    def skill(self, accuracy: float, split: str = "training") -> float:
        """How far an accuracy on a split's images is from guessing (0) to 1; NaN if either is unknown."""
        share = self.guessing(split)
        return math.nan if share is None or share >= 1 else (accuracy - share) / (1 - share)

    @property
    def near_guessing(self) -> bool:
        """Within 10 points, or for very unequal classes within half of what is left to 1."""
        return self._is_near(self.final, self.final_split)

    @property
    def guesses(self) -> bool:
        """Whether it is near guessing, and that does not rest on a draw of few test images alone."""
        return self._is_near(*self._best) or (
            self.near_guessing and self.reached - self.final >= 3 * self.scatter("test")
        )

    def _is_near(self, accuracy: float, split: str) -> bool:
        share = self.guessing(split)
        return share is not None and accuracy <= share + min(LITTLE, (1 - share) / 2)

    @property
    def below_baseline(self) -> bool:
        """Far worse than a linear classifier on untrained features (`check/baseline`), if that was tried."""
        # The better of all that is known, since validation images are few.
        best = max(self._skills, default=math.nan)
        return best < BELOW * self.skill(self.latest("check/baseline"))

    def mostly_copied(self, split: str) -> bool:
        """Whether at least half of the `validation` or `test` images are training images."""
        return _mostly_copied(self.context, split)

    @property
    def unjudged(self) -> str:
        """Why no accuracy but that of training counts: `5 validation and 12 test images are too few to judge by`."""
        if any(not math.isnan(self.latest(f"{split}/accuracy")) for split in _SCORED):
            return ""
        why: dict[str, list[str]] = {}
        for split in _SCORED:
            why.setdefault(_untelling(self.context, split), []).append(split)
        numbers = [f"{self.context.images_of(split)} {split}" for split in why.get("few", [])]
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
        return not math.isnan(self.reached) and all(skill >= OVERCOME for skill in self._skills)

    @property
    def _skills(self) -> list[float]:
        """Of what was reached, and of the test; of those that are known."""
        skills = self.skill(self.reached), self.skill(self.latest("test/accuracy"), "test")
        return [skill for skill in skills if not math.isnan(skill)]

    @property
    def poor(self) -> bool:
        """Whether less was learned than there is to learn; never said of fewer than `PATIENCE` steps."""
        diverged = bool(self.records) and not all(m.finite for m in self.records)
        return diverged or (self.steps >= PATIENCE and (self.guesses or self.below_baseline))


def _mostly_copied(context: Context, split: str) -> bool:
    images = context.images_of(split)
    return bool(images) and context.copied.get(split, 0) >= COPIED * images


def _untelling(context: Context, split: str) -> str:
    """Why the accuracy on its images is not judged: `one` class, `copied` from training, `few`; else nothing."""
    images = context.images_of(split)
    if split in context.one_class:
        return "one"
    if _mostly_copied(context, split):
        return "copied"
    return "few" if images is not None and images < FEW_IMAGES else ""
