"""Causes in the images as the first layer gets them."""

import math

from cnnlab.common.words import number, percent
from cnnlab.diagnosis.evidence import LITTLE, Evidence
from cnnlab.diagnosis.finding import LEARNING, Cause, Clue
from cnnlab.diagnosis.remedies import Remedy

# Standardized images have mean 0 and deviation 1; those divided by 255 a deviation of 0.2 to 0.35 about 0.1 to 0.5;
# both train well. 0 to 255 has a deviation of 50 to 90.
LARGE, SMALL, OFFSET = 5.0, 0.05, 5.0
# Handwritten digits have 0.85, photos 0.9. Of 16 images, equal but for noise of a tenth, 0.1.
ALIKE = 0.1
ROUNDING = 1e-5  # of a mean in float32
# A set with a few images twice has 0.99.
REPEATED = 0.5
FEW_TO_COMPARE = 4  # images in a batch
FEW_PER_CLASS = 5  # of which nobody learns more than these
FEW_TO_LEARN = 20  # of a class: where nothing holds for others, that may be why
SPOILED = 0.7
# The most that the shipped recipes use: pixels, degrees, pixels.
AUGMENTED = {"translate": 4, "rotate": 15, "cutout": 8}
STANDARDIZE = Remedy(look="standardize the images: subtract their mean, divide by their standard deviation")
SCALED = (
    LEARNING
    | {"exploding_forward", "vanishing_forward", "exploding_backward", "vanishing_backward", "saturation", "dead_units"}
    | {"large_updates", "small_updates", "non_finite", "test_unlike_training", "overfitting"}
)


def not_finite(run: Evidence) -> Cause | None:
    share = run.context.broken_images or 0.0
    broken = next((m for m in run.measured if not math.isfinite(m.scalars.get("images/largest", 0.0))), None)
    if not share and broken is None:
        return None
    words = f"{percent(share)} of the training images hold NaN or infinity"
    if not share and broken is not None:
        words = f"the images at step {broken.step} hold NaN or infinity"
    remedy = Remedy(look="find the images with NaN: images.isfinite().flatten(1).all(1)")
    explains = LEARNING | {"non_finite"}
    return Cause("images_not_finite", "the images contain NaN or infinity", remedy, (Clue(14, words),), explains)


def not_standardized(run: Evidence) -> Cause | None:
    if run.first is None:
        return None
    mean, std = run.first.scalars.get("images/mean", 0.0), run.first.scalars.get("images/std", 1.0)
    if (
        not math.isfinite(mean + std)
        or std <= ROUNDING * max(1.0, abs(mean))
        or (SMALL <= std <= LARGE and abs(mean) <= OFFSET * max(std, 1))
    ):
        return None
    values = f"the images have mean {number(mean)} and standard deviation {number(std)}"
    clue = Clue(11, f"{values} where the first layer gets them; 0 and 1 are usual")
    remedy = _less_augmentation(run) if _spoiled(run) else STANDARDIZE
    return Cause("images_not_standardized", f"{values}, which no initializer expects", remedy, (clue,), SCALED)


def constant(run: Evidence) -> Cause | None:
    if run.first is None:
        return None
    std, variety = (run.first.scalars.get(key, 1.0) for key in ("images/std", "images/variety"))
    if (run.context.batch_size or FEW_TO_COMPARE) < FEW_TO_COMPARE:
        return None
    mean = run.first.scalars.get("images/mean", 0.0)
    if std <= ROUNDING * max(1.0, abs(mean)):
        clue = Clue(14, "all values of all images in the first measured batch are the same")
    elif variety < ALIKE:
        clue = Clue(
            13,
            "in the first measured batch, the images' standard deviation around their mean image is "
            f"{percent(variety)} of that around their mean value",
        )
    else:
        return None
    remedy = Remedy(look="look at some images as the network gets them")
    remedy = _less_augmentation(run) if _spoiled(run) else remedy
    return Cause("images_constant", "the images are all alike", remedy, (clue,), SCALED)


def one_channel_constant(run: Evidence) -> Cause | None:
    share = run.first.scalars.get("images/constant_channels", 0.0) if run.first else 0.0
    if not 0 < share < 1:
        return None
    words = f"{percent(share)} of the images' channels have the same value everywhere"
    clue = Clue(6, words)
    if run.skill(run.latest("check/baseline")) < 0.5 * LITTLE:
        clue = Clue(10, f"{words}, and a linear classifier of what is left does no better than guessing")
    remedy = Remedy(look="look at the images channel by channel")
    return Cause("channels_constant", "a channel of the images is constant", remedy, (clue,))


def repeated(run: Evidence) -> Cause | None:
    share, points = run.context.distinct_images, 13
    few = few_images(run)
    if few:
        words = f"there are {run.context.images} training images for {run.context.classes} classes"
        points = 13 if few_images(run, FEW_PER_CLASS) else 7
    elif share is not None and share <= REPEATED:
        words = f"only {percent(share)} of the training images are different ones"
        points = 13 if constant(run) is None and not_standardized(run) is None else 8  # what made them so comes first
    else:
        return None
    remedy = Remedy(look="take more images" if few else "load the images anew: many are copies of each other")
    explains = LEARNING | {"overfitting", "memorized", "test_unlike_training"}
    # Less than images that are all black: these are repeated, too.
    return Cause("images_repeated", "few images are seen many times", remedy, (Clue(points, words),), explains)


def few_images(run: Evidence, each: int = FEW_TO_LEARN) -> bool:
    images, classes = run.context.images, run.context.classes
    return images is not None and classes is not None and images < each * classes


def copied(run: Evidence) -> Cause | None:
    """Whole splits that are copies; a few of the images' are in sets that are well known, and told before training."""
    splits = [split for split in ("validation", "test") if run.mostly_copied(split)]
    found = [f"{run.context.copied[split]:,} of {run.context.images_of(split):,} {split}" for split in splits]
    if not found:
        return None
    words = f"{' and '.join(found)} images are training images, so that their accuracy says nothing of new ones"
    remedy = Remedy(look="take the copies out of the folders, or put all copies of an image into the same split")
    # It explains no other finding: images that are known make any network look better.
    clause = "the same images are in several splits"
    return Cause("splits_overlap", clause, remedy, (Clue(9, words),), frozenset(), misleads=True)


def over_augmented(run: Evidence) -> Cause | None:
    """A classifier that learns from the clean images, and not from the augmented ones."""
    found = [run.latest("check/baseline"), run.latest("check/baseline_clean")]
    augmented, clean = map(run.skill, found)
    if not run.context.augmented:
        return None
    clues = [Clue(1, "augmentation is on")]
    if _spoiled(run):
        clues.append(
            Clue(
                9 if augmented > 0.5 * clean else 13,
                f"a linear classifier is right for {percent(found[1])} of validation images if it learns from clean "
                f"images, for {percent(found[0])} if from augmented ones",
            )
        )
    elif augmented >= 0.85 * clean:
        clues.append(Clue(-4, "a linear classifier learns as much from the augmented images as from clean ones"))
    clause = "augmentation destroys what tells the classes apart"
    return Cause("augmentation_too_strong", clause, _less_augmentation(run), tuple(clues))


def _spoiled(run: Evidence) -> bool:
    """Whether a linear classifier learns from the images as they are, and far less from the augmented ones."""
    augmented, clean = (run.skill(run.latest(f"check/{key}")) for key in ("baseline", "baseline_clean"))
    return augmented < SPOILED * clean


def _less_augmentation(run: Evidence) -> Remedy:
    """Without the change that exceeds what is usual most; a choice of another augmentation would leave it as typed."""
    settings = run.context.settings or {}
    present = {key: settings.get(f"augmentation.{key}") or 0 for key in AUGMENTED}
    strongest = max(present, key=lambda key: present[key] / AUGMENTED[key])
    if present[strongest] > AUGMENTED[strongest]:
        return Remedy(f"augmentation.{strongest}", 0)
    return Remedy("augmentation", "none")


CAUSES = (not_finite, not_standardized, constant, one_channel_constant, repeated, copied, over_augmented)
