"""Rules on what training does: the size of its steps, the loss, the gap to validation, and the end in NaN."""

import math
from statistics import median

from cnnlab.diagnosis import remedies
from cnnlab.diagnosis.evidence import Evidence, Moment
from cnnlab.diagnosis.finding import Finding, number, percent

# An update of 1e-3 of the weights is the rule of thumb. Healthy runs reach 0.03 in their first steps and fall
# to 1e-4 (weight decay alone makes about that) at the end.
UPDATE_RULE = 1e-3
UPDATE_LARGE = 0.1
# Updates during a warm-up, scaled up to the full learning rate. The first of healthy runs gives 0.01 to 0.33, the
# median of four and more 0.11 at most; at a hundred times their learning rate both are above 1, or, where
# gradients are clipped, 0.3 and 0.4.
UPDATE_LARGE_ONCE = 0.7
UPDATE_LARGE_AT_FULL = 0.2
MANY = 4
UPDATE_SMALL = 1e-5
# Slow starts stay at ln(classes) for some tens of steps.
PATIENCE = 100
# Batches of 64 scatter by 1 % around ln(classes) while nothing is learned; recent losses are averaged.
AT_CHANCE = 0.03
# Accuracy on training images minus that on validation images: 1,000 MNIST images without pooling reach 0.09.
GAP = 0.1
# A validation loss that has risen by so much since its best says that more training makes it worse.
RISEN = 1.1


def updates(run: Evidence) -> list[Finding]:
    """Update over weight, the median over layers, at every measured step."""
    ratios = [(m, r) for m in run.measured if (r := m.update_ratio) is not None]
    lr = run.context.learning_rate
    large = next(((m, r) for m, r in ratios if r >= UPDATE_LARGE), None)
    full = _at_full_rate(ratios, lr)
    if full and median(full) >= (UPDATE_LARGE_AT_FULL if len(full) >= MANY else UPDATE_LARGE_ONCE):
        return [_large(run, *ratios[0], median(full))]
    if large:
        return [_large(run, *large)]
    # Where the schedule has brought the learning rate near zero, small updates are meant.
    largest = max((r for m, r in ratios if m.scalars.get("optimizer/lr", lr) >= 0.1 * lr), default=math.inf)
    if largest >= UPDATE_SMALL or run.steps < PATIENCE or run.learned:
        return []
    sentence = (
        f"No update changes the weights by more than {number(largest)} of their size (median over layers; "
        f"{number(UPDATE_RULE)} is usual)."
    )
    cause = f"the learning rate, {lr:g} with {run.context.optimizer}, is too small"
    override = remedies.learning_rate(run.context, min(1000.0, UPDATE_RULE / largest) if largest else 1000.0)
    return [Finding("small_updates", "problem", run.measured[0].step, sentence, cause, override, {"ratio": largest})]


def _at_full_rate(ratios: list[tuple[Moment, float]], lr: float) -> list[float]:
    """What the updates during a warm-up, while the learning rate rises, would be at the whole of it."""
    full, before = [], 0.0
    for moment, ratio in ratios:
        now = moment.scalars.get("optimizer/lr", lr)
        if not before < now <= lr:
            break
        full.append(ratio * lr / now)
        before = now
    return full


def _large(run: Evidence, moment: Moment, ratio: float, full: float = 0.0) -> Finding:
    lr = run.context.learning_rate
    warming = f", and would by {_relative(full)} it at the full learning rate" if full > ratio else ""
    sentence = (
        f"One update changes the weights by {_relative(ratio)} their size at step {moment.step}{warming} (median over "
        f"layers; {percent(UPDATE_RULE)} is usual, up to 5 % healthy in the first steps)."
    )
    cause = f"the learning rate, {lr:g} with {run.context.optimizer}, is too large"
    override = remedies.learning_rate(
        run.context, 0.01 if full >= UPDATE_LARGE_AT_FULL or ratio >= UPDATE_LARGE_ONCE else 0.1
    )
    return Finding("large_updates", "problem", moment.step, sentence, cause, override, {"ratio": ratio, "full": full})


def chance(run: Evidence) -> list[Finding]:
    """Loss at ln(classes), what guessing gives."""
    guessing, loss = math.log(run.context.classes), run.recent("train/loss")
    if run.steps < PATIENCE or run.learned or not abs(loss / guessing - 1) <= AT_CHANCE:
        return []
    sentence = (
        f"The loss is {loss:.3f} after {run.steps} steps, as for guessing (ln {run.context.classes} = {guessing:.3f}): "
        "nothing has been learned."
    )
    ratios = [r for m in run.measured if (r := m.update_ratio) is not None]
    slow = bool(ratios) and median(ratios) < UPDATE_RULE
    cause = "no useful gradient arrives, or the learning rate does not suit" + (" (it is rather small)" if slow else "")
    override = remedies.learning_rate(run.context, 10 if slow else 0.1)
    if not run.context.batch_norm and run.measured and len(run.measured[0].of("preactivation/std")) > 12:
        cause, override = (
            "the network is deep, and its layers are not kept in a range where they learn",
            "model.norm=batch",
        )
    return [
        Finding("loss_at_chance", "problem", run.steps, sentence, cause, override, {"loss": loss, "guessing": guessing})
    ]


def overfitting(run: Evidence) -> list[Finding]:
    validated = [m for m in run.moments if "validation/loss" in m.scalars and "validation/accuracy" in m.scalars]
    if len(validated) < 2:
        return []
    best = min(validated, key=lambda m: m.scalars["validation/loss"])
    now, then = validated[-1].scalars["validation/loss"], best.scalars["validation/loss"]
    train, validation = run.recent("train/accuracy"), validated[-1].scalars["validation/accuracy"]
    gap = train - validation
    if not (gap >= GAP and now >= RISEN * then):
        return []
    sentence = (
        f"Accuracy is {percent(train)} on training images and {percent(validation)} on validation images; the "
        f"validation loss was best at step {best.step} ({number(then)}) and has risen to {number(now)}."
    )
    cause = "the network learns the training images by heart"
    override = "model.dropout=0.5" if run.context.dropout < 0.5 else "optimizer.weight_decay=0.005"
    numbers: dict[str, float | str] = {"gap": gap, "best_step": best.step, "loss": now, "best_loss": then}
    return [Finding("overfitting", "warning", best.step, sentence, cause, override, numbers)]


def _relative(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 10 else f"{percent(ratio)} of"
