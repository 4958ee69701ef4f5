"""Rules on training: size of the updates, what was learned, overfitting, test images of another kind, classes that are
never predicted."""

import math
from collections.abc import Mapping
from statistics import median

from cnnlab.common.words import number, percent, plural
from cnnlab.diagnosis.chance import RARE
from cnnlab.diagnosis.evidence import LITTLE, OVERCOME, Evidence
from cnnlab.diagnosis.finding import Finding
from cnnlab.diagnosis.logged_step import Record
from cnnlab.diagnosis.run_history import PATIENCE

# The rule of thumb is an update of 1e-3 of the weights. Healthy runs reach 0.03 in their first steps and fall to
# 1e-4 at the end (weight decay alone gives about that).
UPDATE_RULE = 1e-3
UPDATE_LARGE = 0.1
# Updates during warm-up, scaled to the full learning rate. In healthy runs the first is 0.01 to 0.33 and the median
# of four or more at most 0.11; at a hundred times the learning rate both exceed 1, or are 0.3 and 0.4 with gradient
# clipping.
UPDATE_LARGE_ONCE = 0.7
UPDATE_LARGE_AT_FULL = 0.2
MANY = 4
# Healthy runs' largest updates are 2e-3 and more.
UPDATE_SMALL = 8e-4
# While nothing is learned, batches of 64 vary by 1 % around ln(classes); recent losses are averaged.
AT_CHANCE = 0.03
# Accuracy on training images minus that on validation images: 1,000 MNIST images without pooling reach 0.09.
GAP = 0.1
# Accuracy on validation images minus that on test images, and at least three times what their numbers scatter.
UNLIKE = 0.2
# Or so much less above guessing, and ten points and three times the scatter worse.
UNLIKE_SKILL = 0.75
# Or five points and three times the scatter worse, where a linear classifier tells training and test images apart; of
# splits of one set it knows 0.45 to 0.55.
TOLD_APART, SLIGHTLY = 0.9, 0.05
# Ratio of the validation loss to its best above which more training makes it worse.
RISEN = 1.25
# How far between guessing and 1 a short run is to come for its accuracy not to be called little.
HALF = 0.5
NAMED = 3  # classes
# Validation accuracy lost since its best epoch, as a share of what was above guessing.
LOST = 0.3


def updates(run: Evidence) -> list[Finding]:
    """Norm of the update over that of the weights, median over layers, at every measured step."""
    large = next(((m, r) for m, r in run.ratios if r >= steps_in_one(run) * UPDATE_LARGE), None)
    full = full_updates(run)
    if full and too_large_at(full):
        return [_large(*run.ratios[0], median(full))]
    return [_large(*large)] if large else _small(run)


def steps_in_one(run: Evidence) -> float:
    """How many steps an update may consist of: LBFGS takes several in one."""
    return max(1.0, run.context.update.get("max_iter", 1.0))


def full_updates(run: Evidence) -> list[float]:
    """The updates during warm-up, of each of their steps, scaled to the full learning rate."""
    lr, found, before = run.peak_rate, [], 0.0
    if lr is None:
        return []
    for record, ratio in run.ratios:
        now = record.scalars.get("optimizer/lr", lr)
        if not before < now <= lr:
            break
        found.append(ratio / steps_in_one(run) * lr / now)
        before = now
    return found


def too_large_at(full: list[float]) -> bool:
    """Of `full_updates`: many are judged by their median, a single one may be a coincidence."""
    return median(full) >= (UPDATE_LARGE_AT_FULL if len(full) >= MANY else UPDATE_LARGE_ONCE)


def _large(record: Record, ratio: float, full: float = 0.0) -> Finding:
    sentence = f"The update at step {record.step} changes the weights by {_times_or_percent(ratio)} their size"
    if full > ratio:
        sentence += (
            f"; the learning rate is still rising to its peak, where it would be {_times_or_percent(full)} their size"
        )
    sentence += (
        f" (norm of the update over that of the weights, median over the layers; {percent(UPDATE_RULE)} is the rule of "
        f"thumb, and the largest of a healthy run is below {percent(UPDATE_LARGE)})."
    )
    return Finding("large_updates", "problem", record.step, sentence, numbers={"ratio": ratio, "full": full})


def _small(run: Evidence) -> list[Finding]:
    lr = run.context.learning_rate
    # When the schedule has annealed the learning rate, small updates are intended.
    meant = [r for m, r in run.meant_ratios if lr is None or m.scalars.get("optimizer/lr", lr) >= 0.1 * lr]
    largest = max(meant, default=math.inf)
    if run.steps < PATIENCE or run.overcome or largest >= UPDATE_SMALL:
        return []
    sentence = (
        f"No measured update changes the weights by more than {number(largest)} of their size (norm of the update over "
        f"that of the weights, median over the layers; {number(UPDATE_RULE)} is usual)."
    )
    severity = "problem" if run.poor else "warning"
    return [Finding("small_updates", severity, run.measured[0].step, sentence, numbers={"ratio": largest})]


def learned(run: Evidence) -> list[Finding]:
    """Nothing, hardly anything, less than more steps would teach, or less than a linear classifier; or lost again."""
    share, accuracy, loss = run.guessing(run.final_split), run.final, run.recent("train/loss")
    if math.isnan(loss) or run.steps == 0:
        return []
    skill = run.skill(accuracy, run.final_split)
    guess = math.log(run.context.classes) if run.context.classes else math.nan
    numbers = {"loss": loss, "accuracy": accuracy, "guessing": math.nan if share is None else share}
    if run.steps >= PATIENCE and not run.learned and abs(loss / guess - 1) <= AT_CHANCE:
        sentence = (
            f"The training loss is {loss:.3f} after {run.steps} steps, as if every class had the same probability "
            f"(ln {run.context.classes} = {guess:.3f}): nothing has been learned."
        )
        return [Finding("loss_at_chance", "problem", run.steps, sentence, numbers=numbers | {"guessing": guess})]
    reached = f"After {plural(run.steps, 'step')} the accuracy is {percent(accuracy)} {run.on(run.final_split)}"
    # An accuracy on few images judges nothing; but where nearly all are right, more steps would teach nothing.
    if run.over and run.steps < PATIENCE and share is not None and not skill >= OVERCOME:
        learns = skill > HALF
        name = "too_few_steps" if learns else "little_learned"
        so_far = "it learns, but had little time to" if learns else "hardly anything is learned so far"
        sentence = f"{reached}, where guessing gives {percent(share)}: {so_far}."
        return [Finding(name, "warning", run.steps, sentence, numbers=numbers)]
    if run.guesses and share is not None and run.steps >= PATIENCE and not _holds(run):
        result = "what is learned does not hold for these" if run.learned else "hardly anything is learned"
        sentence = f"{reached}, where guessing gives {percent(share)}; the training loss is {loss:.3f}: {result}."
        return [Finding("little_learned", "problem", run.steps, sentence, numbers=numbers)]
    if run.below_baseline and run.steps >= PATIENCE:
        baseline = run.latest("check/baseline")
        sentence = (
            f"{reached}; a linear classifier on filters that are not trained reaches {percent(baseline)} on validation "
            "images."
        )
        return [Finding("below_baseline", "problem", run.steps, sentence, numbers=numbers | {"baseline": baseline})]
    return _collapsed(run)


def _holds(run: Evidence) -> bool:
    """Whether what was learned holds for validation images, so that the test alone says otherwise: see `unlike`."""
    return run.gap >= max(LITTLE, run.gap_by_chance) and run.skill(run.compared("validation")) > HALF


def _collapsed(run: Evidence) -> list[Finding]:
    scored = [m for m in run.records if "validation/accuracy" in m.scalars]
    if len(scored) < 2:
        return []
    best = max(scored, key=lambda m: m.scalars["validation/accuracy"])
    then, now = best.scalars["validation/accuracy"], scored[-1].scalars["validation/accuracy"]
    if not run.skill(now) < (1 - LOST) * run.skill(then) or then - now < max(LITTLE, 3 * run.scatter("validation")):
        return []
    sentence = (
        f"Accuracy {run.on('validation')} was {percent(then)} at step {best.step} and is {percent(now)} at step "
        f"{run.steps}."
    )
    return [Finding("collapsed", "problem", best.step, sentence, numbers={"best": then, "last": now})]


def generalization(run: Evidence) -> list[Finding]:
    """Training images are known, and others are not: some, or none at all (`memorized`)."""
    validated = [m for m in run.records if "validation/loss" in m.scalars and "validation/accuracy" in m.scalars]
    if not validated:
        return _untested(run)
    best = min(validated, key=lambda m: m.scalars["validation/loss"])
    now, then = validated[-1].scalars["validation/loss"], best.scalars["validation/loss"]
    train, validation = run.recent("train/accuracy"), validated[-1].scalars["validation/accuracy"]
    highest, share, gap = max(run.values("validation/accuracy")), run.context.guessing, train - validation
    chance = 3 * run.scatter("validation")
    if share is not None and run.learned and highest < share + LITTLE and train - highest >= max(2 * LITTLE, chance):
        sentence = (
            f"Accuracy is {percent(train)} on training images, but {run.on('validation')} it was never above "
            f"{percent(highest)}, where guessing gives {percent(share)}: nothing that was learned holds for others."
        )
        numbers = {"train": train, "validation": highest}
        return [Finding("memorized", "problem", validated[-1].step, sentence, numbers=numbers)]
    if len(validated) < 2 or not (gap >= max(GAP, chance) and now >= RISEN * then):
        return []
    sentence = (
        f"Accuracy is {percent(train)} on training images and {percent(validation)} {run.on('validation')}; the loss "
        f"on the latter was lowest at step {best.step}, {number(then)}, and has risen to {number(now)}."
    )
    numbers = {"gap": gap, "best_step": best.step, "loss": now, "best_loss": then}
    return [Finding("overfitting", "warning", best.step, sentence, numbers=numbers)]


def _untested(run: Evidence) -> list[Finding]:
    """The same where validation images tell nothing: known is then what the test says, and nothing of the course."""
    train, test = run.recent("train/accuracy"), run.latest("test/accuracy")
    if run.guesses or unlike(run) or not _far_above(run, train, test):
        return []
    sentence = f"Accuracy is {percent(train)} on training images and {percent(test)} {run.on('test')}."
    return [Finding("overfitting", "warning", run.steps, sentence, numbers={"gap": train - test})]


def _far_above(run: Evidence, train: float, test: float) -> bool:
    worse = run.skill(test, "test") < UNLIKE_SKILL * run.skill(train)
    return worse and train - test >= max(UNLIKE, 3 * run.scatter("test"))


def unlike(run: Evidence) -> list[Finding]:
    """Accuracy on test images far from that on validation images, which come from the training images; or from that on
    training images, where validation images tell nothing and a classifier tells the test images from these."""
    validation, test = run.compared("validation"), run.compared("test")
    gap, chance, told = run.gap, run.gap_by_chance, run.latest("check/told_apart") >= TOLD_APART
    worse = gap >= max(LITTLE, chance) and run.skill(test, "test") < UNLIKE_SKILL * run.skill(validation)
    if worse or (told and gap >= max(SLIGHTLY, chance)) or abs(gap) >= max(UNLIKE, chance):
        sentence = f"Accuracy is {percent(validation)} {run.on('validation')} and {percent(test)} {run.on('test')}."
        numbers = {"validation": validation, "test": test}
        return [Finding("test_unlike_training", "problem", run.steps, sentence, numbers=numbers)]
    train, test = run.recent("train/accuracy"), run.latest("test/accuracy")
    if not (told and math.isnan(run.latest("validation/accuracy")) and _far_above(run, train, test)):
        return []
    sentence = f"Accuracy is {percent(train)} on training images and {percent(test)} {run.on('test')}."
    return [Finding("test_unlike_training", "problem", run.steps, sentence, numbers={"train": train, "test": test})]


def never_predicted(run: Evidence) -> list[Finding]:
    """Classes that no test image is called, though most images are called right."""
    accuracy, names, called = run.latest("test/accuracy"), run.context.class_images, run.mistaken
    if not run.skill(accuracy, "test") > HALF:
        return []
    # As likely right as others are, all of its images would be wrong that rarely, for any of the classes.
    missed = {k: v for k, v in called.items() if (1 - accuracy) ** sum(v.values()) < RARE / len(names)}
    if not missed:
        return []
    first = sorted(missed, key=lambda name: sum(missed[name].values()), reverse=True)
    told = ", nor ".join(f"{name} ({_instead(missed[name])})" for name in first[:NAMED])
    more = f", nor {len(first) - NAMED} more classes" if len(first) > NAMED else ""
    sentence = f"No test image is called {told}{more}; of all test images {percent(accuracy)} are called right."
    return [Finding("class_never_predicted", "warning", run.steps, sentence, numbers={"classes": len(missed)})]


def _instead(called: Mapping[str, float]) -> str:
    """What a class's images are called instead: {name: number}."""
    said, most = max(called.items(), key=lambda pair: pair[1])
    images = round(sum(called.values()))
    if images == 1:
        return f"its only image is called {said}"
    return f"{'all' if most == images else f'{most:.0f}'} of its {images} images are called {said}"


def _times_or_percent(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 10 else f"{percent(ratio)} of"


RULES = (updates, learned, generalization, unlike, never_predicted)
