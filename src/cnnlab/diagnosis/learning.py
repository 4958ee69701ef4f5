"""Rules on training: size of the updates, weights that decay, loss at chance, overfitting."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from cnnlab.common.words import number, percent
from cnnlab.diagnosis import remedies
from cnnlab.diagnosis.evidence import Evidence, Record
from cnnlab.diagnosis.finding import Finding
from cnnlab.diagnosis.remedies import Advice, Remedy

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
UPDATE_SMALL = 1e-5
# Slow starts stay at ln(classes) for tens of steps.
PATIENCE = 100
# While nothing is learned, batches of 64 vary by 1 % around ln(classes); recent losses are averaged.
AT_CHANCE = 0.03
# A network whose accuracy is less than this above guessing is not called healthy.
LITTLE = 0.1
# Of the initial weights, median over layers. Asked only where little was learned; not calibrated on many runs.
DECAYED = 0.3
# `clip_grad_norm_` is usually given 1 to 10. Asked only where updates are small and little was learned.
CLIPPED = 0.01
# Accuracy on training images minus that on validation images: 1,000 MNIST images without pooling reach 0.09.
GAP = 0.1
# Accuracy on validation images minus that on test images; at 0.95 and with 140 images it scatters by 0.02.
UNLIKE = 0.2
# Ratio of the validation loss to its best above which more training makes it worse.
RISEN = 1.1


def updates(run: Evidence) -> list[Finding]:
    """Norm of the update over that of the weights, median over layers, at every measured step."""
    ratios = [(m, r) for m in run.measured if (r := m.update_ratio) is not None]
    lr = run.context.learning_rate
    large = next(((m, r) for m, r in ratios if r >= UPDATE_LARGE), None)
    full = _at_full_rate(ratios, lr) if lr is not None else []
    if full and median(full) >= (UPDATE_LARGE_AT_FULL if len(full) >= MANY else UPDATE_LARGE_ONCE):
        return [_large(run, *ratios[0], median(full))]
    if large:
        return [_large(run, *large)]
    # When the schedule has annealed the learning rate, small updates are intended.
    meant = [r for m, r in ratios if lr is None or m.scalars.get("optimizer/lr", lr) >= 0.1 * lr]
    largest = max(meant, default=math.inf)
    if largest >= UPDATE_SMALL or run.steps < PATIENCE or run.learned:
        return []
    sentence = (
        f"No update changes the weights by more than {number(largest)} of their size (median over layers; "
        f"{number(UPDATE_RULE)} is usual)."
    )
    cause = f"the learning rate{_named(run)} is too small"
    remedy = remedies.learning_rate(run.context, min(1000.0, UPDATE_RULE / largest) if largest else 1000.0)
    return [Finding("small_updates", "problem", run.measured[0].step, sentence, cause, remedy, {"ratio": largest})]


def _at_full_rate(ratios: list[tuple[Record, float]], lr: float) -> list[float]:
    """The updates during warm-up, scaled to the full learning rate."""
    full, before = [], 0.0
    for record, ratio in ratios:
        now = record.scalars.get("optimizer/lr", lr)
        if not before < now <= lr:
            break
        full.append(ratio * lr / now)
        before = now
    return full


def _large(run: Evidence, record: Record, ratio: float, full: float = 0.0) -> Finding:
    amount = f"{_times_or_percent(ratio)} their size at step {record.step}"
    if full > ratio:
        amount += f", which is {_times_or_percent(full)} their size at the full learning rate"
    sentence = (
        f"One update changes the weights by {amount} (median over layers; {percent(UPDATE_RULE)} is usual, up to 5 % "
        "healthy in the first steps)."
    )
    cause = f"the learning rate{_named(run)} is too large"
    remedy = remedies.learning_rate(
        run.context, 0.01 if full >= UPDATE_LARGE_AT_FULL or ratio >= UPDATE_LARGE_ONCE else 0.1
    )
    return Finding("large_updates", "problem", record.step, sentence, cause, remedy, {"ratio": ratio, "full": full})


def chance(run: Evidence) -> list[Finding]:
    """Loss at ln(classes), that of a uniform guess."""
    if run.context.classes is None:
        return []
    guessing, loss = math.log(run.context.classes), run.recent("train/loss")
    if run.steps < PATIENCE or run.learned:
        return []
    if not abs(loss / guessing - 1) <= AT_CHANCE:
        return _little(run, loss, guessing)
    sentence = (
        f"The loss is {loss:.3f} after {run.steps} steps, as for guessing (ln {run.context.classes} = {guessing:.3f}): "
        "nothing has been learned."
    )
    ratios = [r for m in run.measured if (r := m.update_ratio) is not None]
    slow = bool(ratios) and median(ratios) < UPDATE_RULE
    cause, remedy = _why_little(run, slow)
    if run.context.batch_norm is False and run.measured and len(run.measured[0].of("preactivation/std")) > 12:
        cause = "the network is deep, and nothing keeps its activations in a range where it learns"
        remedy = Remedy("model.norm", "batch")
    return [
        Finding("loss_at_chance", "problem", run.steps, sentence, cause, remedy, {"loss": loss, "guessing": guessing})
    ]


def _little(run: Evidence, loss: float, guessing: float) -> list[Finding]:
    share, accuracy = run.context.guessing, run.recent("train/accuracy")
    if share is None or not accuracy < share + LITTLE:
        return []
    sentence = (
        f"After {run.steps} steps the accuracy on training images is {percent(accuracy)}, where guessing gives "
        f"{percent(share)}, and the loss {loss:.3f} (guessing: {guessing:.3f}): hardly anything has been learned."
    )
    ratios = [r for m in run.measured if (r := m.update_ratio) is not None]
    cause, remedy = _why_little(run, bool(ratios) and median(ratios) < UPDATE_RULE)
    numbers: dict[str, float | str] = {"accuracy": accuracy, "guessing": share, "loss": loss}
    return [Finding("little_learned", "problem", run.steps, sentence, cause, remedy, numbers)]


def _why_little(run: Evidence, slow: bool) -> Advice:
    clip = run.context.clip
    if slow and clip is not None and clip < CLIPPED:
        return Advice(f"trainer.clip={clip:g} leaves next to nothing of the gradients", Remedy("trainer.clip", 1))
    cause = "no useful gradient arrives, or the learning rate is unsuitable"
    if slow:
        cause += " (it is rather small)"
    return Advice(cause, remedies.learning_rate(run.context, 10 if slow else 0.1))


def decay(run: Evidence) -> list[Finding]:
    """The weights' deviation, last over first, median over the layers that had any."""
    if run.first is None or run.last is None or run.steps < PATIENCE or run.learned:
        return []
    before = run.first.of("weight/std")
    kept, wanted = _kept(before, run.last), run.context.weight_decay
    if not kept <= DECAYED or wanted == 0:
        return []
    record = next(m for m in run.measured if _kept(before, m) <= DECAYED)
    sentence = (
        f"The weights have shrunk to {percent(kept)} of their initial size (median over layers), and hardly anything "
        "has been learned."
    )
    cause = "weight decay pulls the weights to zero faster than the gradients move them"
    if wanted is not None:
        cause = f"weight decay, {wanted:g}, pulls the weights to zero faster than the gradients move them"
    remedy = Remedy("optimizer.weight_decay", 0.0005)
    return [Finding("weights_decayed", "problem", record.step, sentence, cause, remedy, {"kept": kept})]


def _kept(before: Mapping[str, float], record: Record) -> float:
    left = [size / before[layer] for layer, size in record.of("weight/std").items() if before.get(layer, 0.0) > 0]
    return median(left) if left else math.inf


def overfitting(run: Evidence) -> list[Finding]:
    validated = [m for m in run.records if "validation/loss" in m.scalars and "validation/accuracy" in m.scalars]
    if len(validated) < 2:
        return []
    best = min(validated, key=lambda m: m.scalars["validation/loss"])
    now, then = validated[-1].scalars["validation/loss"], best.scalars["validation/loss"]
    train, validation = run.recent("train/accuracy"), validated[-1].scalars["validation/accuracy"]
    gap = train - validation
    if (found := _unrelated(run, train, validated)) is not None:
        return [found]
    if not (gap >= GAP and now >= RISEN * then):
        return []
    sentence = (
        f"Accuracy is {percent(train)} on training images and {percent(validation)} on validation images; the "
        f"validation loss was best at step {best.step} ({number(then)}) and has risen to {number(now)}."
    )
    cause = "the network memorizes the training images"
    dropped = run.context.dropout or 0.0
    remedy = Remedy("model.dropout", 0.5) if dropped < 0.5 else Remedy("optimizer.weight_decay", 0.005)
    numbers: dict[str, float | str] = {"gap": gap, "best_step": best.step, "loss": now, "best_loss": then}
    return [Finding("overfitting", "warning", best.step, sentence, cause, remedy, numbers)]


def _unrelated(run: Evidence, train: float, validated: Sequence[Record]) -> Finding | None:
    """Training images are known by heart, and of the others nothing at all."""
    share, best = run.context.guessing, max(m.scalars["validation/accuracy"] for m in validated)
    if share is None or not (run.learned and best < share + LITTLE and train - best >= 2 * LITTLE):
        return None
    sentence = (
        f"Accuracy is {percent(train)} on training images, but on validation images it was never above {percent(best)}"
        f", where guessing gives {percent(share)}: nothing that was learned holds for other images."
    )
    cause = "the labels have nothing to do with the images (shuffled apart from them?), so they can only be memorized"
    remedy = Remedy(look="look at some images beside their labels")
    step = validated[-1].step
    return Finding("labels_unrelated", "problem", step, sentence, cause, remedy, {"train": train, "validation": best})


def unlike(run: Evidence) -> list[Finding]:
    """Accuracy on test images far below that on validation images, which come from the training images."""
    validations = [m.scalars["validation/accuracy"] for m in run.records if "validation/accuracy" in m.scalars]
    tests = [m.scalars["test/accuracy"] for m in run.records if "test/accuracy" in m.scalars]
    if not validations or not tests or not validations[-1] - tests[-1] >= UNLIKE:
        return []
    sentence = f"Accuracy is {percent(validations[-1])} on validation images and {percent(tests[-1])} on test images."
    share = run.context.guessing
    cause = "the test images differ from the training images in kind"
    if share is not None and tests[-1] < share + LITTLE:
        cause = "the test images' labels mean something else than those in training (classes in another order?)"
    remedy = Remedy(look="look at some test images beside their labels")
    numbers: dict[str, float | str] = {"validation": validations[-1], "test": tests[-1]}
    return [Finding("test_unlike_training", "problem", run.steps, sentence, cause, remedy, numbers)]


def _named(run: Evidence) -> str:
    """`, 0.02 with sgd,` as far as known."""
    lr, optimizer = run.context.learning_rate, run.context.optimizer
    if lr is None:
        return ""
    return f", {lr:g} with {optimizer}," if optimizer else f", {lr:g},"


def _times_or_percent(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 10 else f"{percent(ratio)} of"


RULES = (decay, updates, chance, overfitting, unlike)
