"""Causes in the optimizer's settings but its learning rate, in regularization, batches and number format."""

from itertools import accumulate, pairwise
from math import ceil, inf, isnan, log
from statistics import median

from cnnlab.common.words import number, percent, plural
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import LEARNING, Cause, Clue
from cnnlab.diagnosis.learning import UPDATE_LARGE, full_updates, steps_in_one, too_large_at
from cnnlab.diagnosis.logged_step import Record
from cnnlab.diagnosis.remedies import Remedy, another_optimizer
from cnnlab.diagnosis.run_history import PATIENCE, RATE_STOPPED
from cnnlab.diagnosis.signal import forward_size

UPDATES = LEARNING | frozenset({"large_updates", "small_updates", "non_finite", "dead_units", "saturation"}) | {
    "exploding_forward", "vanishing_forward", "exploding_backward", "vanishing_backward"
}  # fmt: skip
# `clip_grad_norm_` is usually given 0.5 to 10.
CLIP_TINY, CLIP_SMALL = 0.01, 0.1
# Of the initial weights, median over layers. Healthy weights grow.
DECAYED = 0.3
# What is usual at most: SGD 5e-4 to 5e-3. Decoupled (AdamW): learning rate times decay times steps is the share of
# the weights that decays in a run, below 0.2.
DECAY, DECAY_OF_RUN = 0.02, 1.0
LAMBD = 1e-4
SMOOTHING = 0.5
MOMENTUM_HIGH = 0.965
MOMENTUM, DAMPENING, BETA2 = 0.985, 0.5, (0.5, 0.99999)
ALPHA = (0.5, 0.9999)
EPSILON, EPSILON_HIGH = 1e-2, 1e-4
EPSILON_NORM = 0.1  # of a variance that is about 1
# Mean learning rate over its peak: one_cycle 0.5, cosine 0.5.
RATE_SHARE = 0.12
# Over its peak, or over the rate that was set where the schedule names no peak; a schedule is to lower it.
RATE_RAISED = 2.0
NEAR = 0.5  # as large as guessing's
RISES = 1.02  # of the first loss; a loss that stands still may rise by less, six times in turn
# From step 2 to 32 the ratio of the two gradients stays below 2.6 times that of step 0, unless units die; accumulated
# it is 3, 5, 8, 11.
ACCUMULATED = 2.0, 4.0
# A sum that is never cleared falls to 0.7 of its largest size at least; behind too large a rate gradients fall to 0.
CLEARED = 0.4
UPHILL = -0.3  # cosine; the first updates of SGD have 1, those of Adam 0.2 to 0.9
UNCHANGED, SUMMED = 1.2, 1.4  # of ten gradients that point anywhere the sum is 3 times as long as one
# In a loop of one's own, where gradients of a few batches may be added up on purpose: of two at most twice as long.
TWO, THREE, ENDLESS, RUN_AWAY = 2.0, 3.0, 8.0, 100.0
KEPT = 0.01  # of the gradient; in healthy runs a limit of 1 leaves a quarter and more
FEW = 4  # images a batch, or batches an epoch
ENOUGH = 300  # steps, in which the default network is far above chance on all images of configs/


def clipped(run: Evidence) -> Cause | None:
    clip, kept, remedy = run.context.clip, run.latest("check/gradient_kept"), Remedy("trainer.clip", 1)
    if kept < KEPT:  # in a loop of one's own
        clue = Clue(8, f"the optimizer never gets more than {number(kept)} of the size of the gradient")
        return Cause("clip_too_small", "clipping leaves little of the gradients", remedy, (clue,), UPDATES)
    if clip is None or clip > CLIP_SMALL:
        return None
    clue = Clue(14 if clip <= CLIP_TINY else 4, f"trainer.clip is {clip:g}; 0.5 to 10 is usual")
    return Cause("clip_too_small", f"clipping at {clip:g} leaves little of the gradients", remedy, (clue,), UPDATES)


def decay(run: Evidence) -> Cause | None:
    wanted, clues = run.context.weight_decay, []
    decoupled = (run.context.optimizer or "").lower().endswith("adamw")
    share = (wanted or 0.0) * (run.context.learning_rate or 0.0) * max(run.steps, 1)
    if wanted is not None and (share > DECAY_OF_RUN if decoupled else wanted > DECAY):
        far = share > 5 * DECAY_OF_RUN if decoupled else wanted > 5 * DECAY
        clues.append(
            Clue(9 if far else 6, f"weight decay is {wanted:g}; {'0.01 to 0.1' if decoupled else '5e-4'} is usual")
        )
    kept = weights_kept(run)
    if kept is not None and kept <= DECAYED:
        clues.append(Clue(6, f"the weights have shrunk to {percent(kept)} of their initial size"))
    named = f", {wanted:g}," if wanted is not None else ""
    clause = f"weight decay{named} pulls the weights to zero faster than the gradients move them"
    remedy = Remedy("optimizer.weight_decay", 0.01 if decoupled else 0.0005)
    if wanted == 0:
        clause = "something in the optimizer pulls the weights to zero; its weight decay is 0"
        remedy = Remedy("optimizer", "adamw")
        if run.context.update.get("lambd", 0.0) > LAMBD:  # what torch's ASGD calls its decay
            remedy = Remedy("optimizer.lambd", LAMBD)
    return Cause("weight_decay_too_strong", clause, remedy, tuple(clues), UPDATES) if clues else None


def weights_kept(run: Evidence) -> float | None:
    """The weights' deviation at the last finite step over that at the first, median over layers."""
    if run.first is None or run.last is None or run.last is run.first:
        return None
    before = run.first.of("weight/std")
    left = [size / before[k] for k, size in run.last.of("weight/std").items() if before.get(k, 0.0) > 0]
    return median(left) if left else None


def smoothed(run: Evidence) -> Cause | None:
    amount = run.context.label_smoothing
    if amount is None or amount < SMOOTHING:
        return None
    clue = Clue(13, f"label smoothing is {amount:g}; 0.1 is usual")
    clause = f"label smoothing, {amount:g}, makes the labels nearly the same for all classes"
    return Cause("label_smoothing_too_strong", clause, Remedy("trainer.label_smoothing", 0.1), (clue,))


def momentum(run: Evidence) -> Cause | None:
    update, clues = run.context.update, []
    setting, value = "optimizer.momentum", 0.9
    if (m := update.get("momentum", 0.0)) >= MOMENTUM:
        clues.append(Clue(12, f"momentum is {m:g}: an update is up to {number(1 / max(1 - m, 1e-9))} gradients' sum"))
    elif m >= MOMENTUM_HIGH:
        clues.append(Clue(4, f"momentum is {m:g}: an update is up to {number(1 / (1 - m))} gradients' sum"))
    if (d := update.get("dampening", 0.0)) >= DAMPENING:
        clues.append(Clue(14, f"dampening is {d:g}, which divides the updates by {number(1 / max(1 - d, 1e-9))}"))
        setting, value = "optimizer.dampening", 0
    if (b := update.get("beta1", 0.9)) >= MOMENTUM:
        clues.append(Clue(12, f"beta1 is {b:g}; 0.9 is usual"))
        setting, value = "optimizer.betas", "[0.9,0.999]"
    if not BETA2[0] <= (b := update.get("beta2", 0.999)) <= BETA2[1]:
        clues.append(Clue(12, f"beta2 is {b:g}; 0.999 is usual"))
        setting, value = "optimizer.betas", "[0.9,0.999]"
    if not ALPHA[0] <= (a := update.get("alpha", 0.99)) <= ALPHA[1] and "rms" in (run.context.optimizer or "").lower():
        clues.append(Clue(12, f"alpha is {a:g}; 0.99 is usual"))
        setting, value = "optimizer.alpha", "0.99"
    clause = "the optimizer averages gradients over too many steps"
    return Cause("momentum_too_large", clause, Remedy(setting, value), tuple(clues), UPDATES) if clues else None


def epsilon(run: Evidence) -> Cause | None:
    eps, norms = run.context.update.get("eps", 0.0), run.context.norm_epsilon or 0.0
    if norms >= EPSILON_NORM:
        clue = Clue(14, f"the eps of a norm layer is {norms:g}; 1e-5 is usual")
        clause = f"eps, {norms:g}, is larger than the variance that it is added to"
        remedy = Remedy(look="give the norm layers an eps of 1e-5")
        return Cause("epsilon_too_large", clause, remedy, (clue,), UPDATES)
    if eps < EPSILON_HIGH:
        return None
    clue = Clue(14 if eps >= EPSILON else 5, f"the optimizer's eps is {eps:g}; 1e-8 is usual")
    clause = f"eps, {eps:g}, is larger than the gradients that it is added to"
    return Cause("epsilon_too_large", clause, Remedy("optimizer.eps", 1e-8), (clue,), UPDATES)


def reversed_update(run: Evidence) -> Cause | None:
    clues, share, classes = [], run.context.guessing, run.context.classes
    if (cosine := run.latest("check/update_cosine")) < UPHILL:
        clues.append(Clue(12, f"the first update goes up the loss's gradient: their cosine is {number(-cosine)}"))
    if run.context.update.get("maximize"):
        clues.append(Clue(16, "the optimizer maximizes the loss"))
    losses = [m.loss for m in run.measured if m.loss is not None][:6]
    accuracy, tried, loss = (
        run.recent("train/accuracy"),
        run.latest("check/reference"),
        run.latest("check/reference_loss"),
    )
    if classes and run.below_guessing and run.recent("train/loss") > 1.5 * run.first_loss:
        clues.append(
            Clue(9, f"accuracy, {percent(accuracy)}, is below guessing and the loss rises: it learns to be wrong")
        )
    elif share is not None and classes and tried < 0.5 * share and 1.15 * log(classes) < loss < inf:
        clues.append(Clue(9, f"a batch that is to be learned by heart is learned to be wrong, to {percent(tried)}"))
    elif _rises(losses) and not _large(run):
        clues.append(Clue(7, "the loss rises from the first step on, with updates of usual size"))
    remedy = another_optimizer(run.context, "look for a sign that turns the gradient or the update around")
    clause, every = "the weights move up the loss, not down", run.values("train/loss")
    least = min(every, default=0.0)
    own = run.context.settings is None and classes is not None and least < 0  # in runs it is cross entropy
    # Minus a probability, by which much is learned: minus that of guessing at first.
    plain = own and all(-1 <= value < 0 for value in every) and NEAR < -every[0] * (classes or 1) < 1 / NEAR
    unlogged = any(run.values("loss/unlogged"))
    if unlogged or plain or (own and run.poor):
        clues = [Clue(14, f"the loss falls to {number(least)}; no cross entropy is negative")]
        clause = "the loss is not lowest at the right answers: a minus sign, or nll_loss of plain outputs"
        if plain:
            clause = "the loss is minus a probability, not minus its logarithm: nll_loss of a softmax"
        elif unlogged:
            clues = [Clue(14, "nll_loss gets values above 0, which are no logarithms of probabilities")]
            clause = "nll_loss gets plain outputs, without a log_softmax, and is not lowest at the right answers"
        remedy = Remedy(look="minimize F.cross_entropy of the last layer's output; nll_loss is for log_softmax")
    if run.context.update.get("maximize"):
        remedy = Remedy("optimizer.maximize", False)
    return Cause("update_reversed", clause, remedy, tuple(clues), UPDATES, mistake=plain or unlogged)


def _rises(losses: list[float]) -> bool:
    return len(losses) > 3 and all(a < b for a, b in pairwise(losses)) and losses[-1] > RISES * losses[0]


def _large(run: Evidence) -> bool:
    return any(ratio > steps_in_one(run) * UPDATE_LARGE for _, ratio in run.ratios[:6])


def schedule(run: Evidence) -> Cause | None:
    clause = "the schedule gives the learning rate next to no time near its peak"
    remedy = Remedy("scheduler", "one_cycle")
    if (slowing := run.context.update.get("lr_decay", 0.0)) * run.steps > 10:
        clue = Clue(12, f"the optimizer's lr_decay, {slowing:g}, divides the rate by {number(1 + slowing * run.steps)}")
        return Cause("schedule_unsuitable", clause, Remedy("optimizer.lr_decay", 0), (clue,), UPDATES)
    shares = run.rate_shares
    if shares and (least := min(shares, key=lambda pair: pair[1]))[1] < 0:
        clue = Clue(14, f"at step {least[0]} the learning rate is negative: that step climbs")
        return Cause("schedule_unsuitable", "the schedule makes the learning rate negative", remedy, (clue,), UPDATES)
    if shares and (top := max(shares, key=lambda pair: pair[1]))[1] > RATE_RAISED:
        clue = Clue(12, f"at step {top[0]} the learning rate is {number(top[1])} times optimizer.lr")
        clause = "the schedule raises the learning rate far above the one that was set"
        return Cause("schedule_unsuitable", clause, remedy, (clue,), UPDATES)
    if (first := run.stopped_from) is not None:
        clue = Clue(12, f"from step {first} on the learning rate is less than {percent(RATE_STOPPED)} of its peak")
        return Cause("schedule_unsuitable", clause, remedy, (clue,), UPDATES)
    if len(shares) < 3:
        return None
    pairs = list(pairwise(shares))
    whole = sum((b - a) * (x + y) / 2 for (a, x), (b, y) in pairs)
    mean = whole / max(shares[-1][0] - shares[0][0], 1)
    planned = run.context.planned_steps
    if mean >= RATE_SHARE or run.steps < PATIENCE or (planned is not None and run.steps < planned):
        return None
    # Of a loop of one's own nobody knows whether it is still warming up.
    sure = planned is not None or shares[-1][1] < top[1]
    clue = Clue(12 if sure else 8, f"on average the learning rate is {percent(mean)} of its peak; 50 to 100 % is usual")
    return Cause("schedule_unsuitable", clause, remedy, (clue,), UPDATES)


def few_steps(run: Evidence) -> Cause | None:
    if not (0 < run.steps < PATIENCE and run.over) or run.stopped_from is not None:
        return None
    clue = Clue(6, f"the run had only {plural(run.steps, 'step')}")
    remedy = Remedy("trainer.epochs", 12)
    if run.context.steps_per_epoch:
        remedy = Remedy("trainer.max_steps", max(ENOUGH, 5 * run.context.steps_per_epoch))
    return Cause("too_few_steps", "training has only begun", remedy, (clue,))


def batches(run: Evidence) -> Cause | None:
    size, per_epoch = run.context.batch_size, run.context.steps_per_epoch
    if size is not None and size <= FEW:
        words, value = f"a batch has {plural(size, 'image')}, so its gradient is mostly noise", 64
    elif per_epoch is not None and per_epoch <= FEW and run.steps < 2 * PATIENCE and (size or 0) > 64:
        words, value = f"an epoch has only {plural(per_epoch, 'step')}", 64
    else:
        return None
    remedy = Remedy("trainer.batch_size", value)
    said = (
        f"trainer.batch_size is {size}"
        if run.context.settings is not None
        else f"batches of {plural(size or 0, 'image')}"
    )
    by_epochs = (run.context.settings or {}).get("trainer.max_steps", 0) is None
    if by_epochs and run.steps * (size or value) < PATIENCE * value:
        remedy = Remedy("trainer.epochs", ceil(ENOUGH / max(per_epoch or 1, 1)))
    # Few steps make no step larger; the noise of few images does.
    return Cause("batch_unsuitable", words, remedy, (Clue(10, said),), UPDATES if (size or 0) <= FEW else LEARNING)


def accumulated(run: Evidence) -> Cause | None:
    """The gradient of the first layer's weights grows, though neither its input, the images, nor the gradient that
    arrives at its output does."""
    ratios = {m.step: ratio for m in run.measured if m.finite and (ratio := _weights_to_output(m)) > 0}
    first, last = run.latest("check/gradient_first"), run.latest("check/gradient_later")
    clause = "gradients of earlier steps are never cleared"
    remedy = another_optimizer(run.context, "call optimizer.zero_grad() in every step")
    second = run.latest("check/gradient_second")  # known in loops of one's own alone
    endless = isnan(second) or last >= ENDLESS or (second <= TWO and last >= THREE)
    # Where the network has exploded by then, what arrives is large, too, or nothing.
    most = max(last, run.latest("check/gradient_kept")) if second >= SUMMED else last
    if 1 / UNCHANGED <= first <= UNCHANGED and last >= SUMMED and (endless or most >= RUN_AWAY):
        words = f"after some steps the optimizer gets a gradient of {number(most)} times the size of the batch's"
        clue = Clue(12, f"{words}, in its first step of once")
        return Cause("gradients_accumulated", clause, remedy, (clue,), UPDATES, mistake=True)
    # What follows was measured on classifiers; where the gradients themselves were seen it is not needed.
    if run.first is None or forward_size(run.first, start=True) or run.context.classes is None or not isnan(second):
        return None
    if next(iter(run.first.of("preactivation/std")), "") in run.context.left_out:  # nor does it clear those
        return None
    later = [ratio / ratios[0] for step, ratio in ratios.items() if 1 < step <= 32] if 0 in ratios else []
    growing = all(b > 0.8 * a for a, b in pairwise(later))
    if len(later) < 2 or not growing or later[0] < ACCUMULATED[0] or later[-1] < ACCUMULATED[1]:
        return None
    sizes = [_first_layer(m, "weight/gradient_std") for m in run.measured if m.finite]
    if any(size < CLEARED * largest for size, largest in zip(sizes, accumulate(sizes, max), strict=True)):
        return None
    words = f"the first layer's weights get {number(max(later))} times the gradient that they got at step 0"
    clues = [Clue(9, f"{words} for the same gradient of its output")]
    if (full := full_updates(run)) and too_large_at(full[:1]):  # when nothing could have added up
        clues.append(Clue(-5, f"the first update alone is {percent(full[0])} of the weights' size, at the full rate"))
    return Cause("gradients_accumulated", clause, remedy, tuple(clues), UPDATES)


def _weights_to_output(record: Record) -> float:
    """Gradient of the first layer's weights over that of its output; 0 if one was not measured."""
    weights, output = (_first_layer(record, key) for key in ("weight/gradient_std", "gradient/std"))
    return weights / output if output > 0 else 0.0


def _first_layer(record: Record, key: str) -> float:
    return record.of(key).get(next(iter(record.of("preactivation/std")), ""), 0.0)


CAUSES = (clipped, decay, smoothed, momentum, epsilon, reversed_update, schedule, few_steps, batches, accumulated)
