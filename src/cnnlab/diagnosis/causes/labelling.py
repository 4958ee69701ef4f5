"""Causes in the labels."""

import math

from cnnlab.common.words import percent
from cnnlab.diagnosis.causes.images_seen import few_images
from cnnlab.diagnosis.evidence import LITTLE, Evidence
from cnnlab.diagnosis.finding import LEARNING, Cause, Clue
from cnnlab.diagnosis.learning import HALF, SLIGHTLY, TOLD_APART
from cnnlab.diagnosis.remedies import Remedy
from cnnlab.diagnosis.run_history import PATIENCE

# Above this share, or that many times an equal share, one class is nearly everything.
DOMINANT, TIMES = 0.7, 5
# Accuracy on clean test images minus that on validation images, whose labels come from the training images'.
CLEANER = 0.15
RARER = 0.5  # times an equal share of the training images
CONTRADICTED = 0.95  # the most that any network can be right for, where some images have several labels
FORETOLD = 0.15  # by which a classifier tells more of one split's labels; of 300 images they scatter by 0.04
SOME = 0.15  # of what it makes of the other split's, above guessing: not all labels are wrong
FORETELLS = "from half of the images a linear classifier foretells, of the other half,"
LOOK = Remedy(look="look at some images beside their labels")


def unrelated(run: Evidence) -> Cause | None:
    """Labels that were shuffled apart from their images, or are random."""
    clues = []
    best = max(run.values("validation/accuracy"), default=None)
    train, share = run.recent("train/accuracy"), run.context.guessing
    if share is None or dominated(run):
        return None
    if best is not None and run.learned and best < share + LITTLE:
        clues.append(
            Clue(10, f"accuracy is {percent(train)} on training images, and never above {percent(best)} "
                 f"{run.on('validation')}, where guessing gives {percent(share)}")
        )  # fmt: skip
        if few_images(run):
            clues.append(Clue(-7, f"there are only {run.context.images} training images, too few to tell"))
    elif best is None and run.latest("test/accuracy") - share >= max(LITTLE, 3 * run.scatter("test")):
        clues.append(Clue(-12, f"accuracy is {percent(run.latest('test/accuracy'))} {run.on('test')}"))
    baseline, clean = run.skill(run.latest("check/baseline")), run.skill(run.latest("check/baseline_clean"))
    if max(baseline, clean) < 0.5 * LITTLE or clean < 0.5 * LITTLE:
        clues.append(Clue(7, "a linear classifier on these images and labels does no better than guessing"))
    elif max(baseline, clean) > LITTLE or run.few_foretold("check/baseline"):
        clues.append(Clue(-12, "a linear classifier on the same images and labels does better than guessing"))
    if run.few_foretold("validation/accuracy"):
        words = f"accuracy is {percent(run.compared('validation'))} {run.on('validation')}"
        clues.append(Clue(-12, f"{words}, whose labels come with the training images"))
    train_labels, test_labels = _foretold(run)
    if test_labels - train_labels >= FORETOLD and run.skill(train_labels) < SOME * run.skill(test_labels):
        words = f"{percent(train_labels)} of labels in training, as a guess would, {percent(test_labels)} in the test"
        clues.append(Clue(9, f"{FORETELLS} {words}"))
    if run.latest("check/one_batch") > 0.95:
        clues.append(Clue(2, "the network learns one batch by heart"))
    clause = "the labels have nothing to do with the images (shuffled apart from them?)"
    return Cause("labels_unrelated", clause, LOOK, tuple(clues), LEARNING | {"memorized", "overfitting"})


def noisy(run: Evidence) -> Cause | None:
    validation, test, clues = run.compared("validation"), run.compared("test"), []
    if -run.gap >= max(CLEANER, run.gap_by_chance):
        clues.append(
            Clue(
                8, f"accuracy is {percent(test)} {run.on('test')}, but {percent(validation)} {run.on('validation')}, "
                "whose labels come with the training images"
            )
        )  # fmt: skip
    train, other = _foretold(run)
    if other - train >= FORETOLD and run.skill(train) >= SOME * run.skill(other):
        clues.append(Clue(9, f"{FORETELLS} {percent(train)} of labels in training, {percent(other)} in the test"))
    ceiling = run.context.ceiling
    if run.context.several_labels and ceiling is not None and ceiling <= CONTRADICTED:
        words = f"{run.context.several_labels:,} different images are in several classes"
        clues.append(
            Clue(10, f"{words}, so that no network can be right for more than {percent(ceiling)} of training and "
                 "validation images")
        )  # fmt: skip
    clause = "a part of the training labels is wrong"
    explains = frozenset({"overfitting", "test_unlike_training"}) | LEARNING
    return Cause("labels_noisy", clause, LOOK, tuple(clues), explains) if clues else None


def _foretold(run: Evidence) -> tuple[float, float]:
    """Share of the labels of training and of test images that a linear classifier foretells; NaN if the images of the
    two are not alike, so that what it makes of them says nothing of their labels."""
    if run.latest("check/told_apart") >= TOLD_APART:
        return math.nan, math.nan
    return run.latest("check/train_labels"), run.latest("check/test_labels")


def unbalanced(run: Evidence) -> Cause | None:
    share = run.context.largest_class_share
    if share is None or not dominated(run):
        return None
    # Others may be absent, too. A short run that tells the rare ones in spite of it needs steps first.
    told = run.steps < PATIENCE and run.skill(run.final, run.final_split) > HALF
    clue = Clue(5 if told else 12, f"{percent(share)} of the training images belong to one class")
    # No setting does it: what can be changed are the images, and in a loop of one's own the loss.
    look = "balance the classes: take more images of the rare ones, or fewer of the frequent"
    if run.context.settings is None:
        look += "; or draw the rare ones more often, or weight the loss"
    remedy = Remedy(look=look)
    explains = LEARNING | {"test_unlike_training", "overfitting", "class_never_predicted"}
    return Cause("labels_unbalanced", "one class is nearly everything", remedy, (clue,), explains)


def dominated(run: Evidence) -> bool:
    share, classes = run.context.largest_class_share, run.context.classes
    return share is not None and classes is not None and classes > 1 and share >= min(DOMINANT, TIMES / classes)


def absent(run: Evidence) -> Cause | None:
    if not run.context.absent_classes:
        return None
    some = "1 class" if run.context.absent_classes == 1 else f"{run.context.absent_classes} classes"
    clue = Clue(10, f"{some} of {run.context.classes} without a training image")
    remedy = Remedy(look="give every class training images, or leave it out")
    clause = "some classes have no training image"
    explains = LEARNING | {"test_unlike_training", "overfitting", "class_never_predicted"}
    return Cause("classes_absent", clause, remedy, (clue,), explains)


def test_unlike(run: Evidence) -> Cause | None:
    """Only where the test split, and not training, is what differs."""
    validation, test, share = run.compared("validation"), run.compared("test"), run.guessing("test")
    told, clues = run.latest("check/told_apart"), []
    if run.gap >= SLIGHTLY:
        clues.append(
            Clue(
                5, f"accuracy is {percent(validation)} {run.on('validation')}, which were split off the training images"
            )
        )
    train_labels, test_labels = _foretold(run)
    if train_labels - test_labels >= FORETOLD:
        words = f"{percent(train_labels)} of labels in training, {percent(test_labels)} in the test"
        clues.append(Clue(9, f"{FORETELLS} {words}"))
    if told >= TOLD_APART:
        clues.append(
            Clue(9, f"a linear classifier tells training from test images: {percent(told)} right, by chance 50 %")
        )
    if not clues:
        return None
    clause = "the test images differ from the training images in kind"
    if share is not None and test < share + LITTLE and not told >= TOLD_APART:
        clause = "the test labels mean something else than those in training (classes in another order?)"
    remedy = Remedy(look="look at some test images beside their labels")
    explains = frozenset({"test_unlike_training"}) | (LEARNING if told >= TOLD_APART else frozenset())
    return Cause("test_unlike_training", clause, remedy, tuple(clues), explains)


def never_predicted(run: Evidence) -> Cause | None:
    """What is left to say of it where nothing else explains it."""
    images, called = run.context.class_images, run.mistaken
    if not called:
        return None
    rarest = min(called, key=lambda name: images[name])
    clue = Clue(1, f"{images[rarest]:,} of {sum(images.values()):,} training images are of class {rarest}")
    few = images[rarest] * len(images) < RARER * sum(images.values())
    clause = "it has few training images" if few else "the network does not tell its images from those of others"
    look = "look at its images beside those of the class that they are called; if they differ, take more of them"
    return Cause("class_never_predicted", clause, Remedy(look=look), (clue,), frozenset({"class_never_predicted"}))


CAUSES = (unrelated, noisy, unbalanced, absent, test_unlike, never_predicted)
