"""Causes in the weights and biases at the first step."""

import math
from collections.abc import Mapping
from itertools import pairwise
from statistics import median

from cnnlab.common.words import number, plural
from cnnlab.diagnosis import remedies
from cnnlab.diagnosis.causes.step_size import loss_multiplied
from cnnlab.diagnosis.causes.weight_gains import factors_of, gains_of, median_gain
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import LEARNING, SIGNALS, Cause, Clue
from cnnlab.diagnosis.logged_step import Record
from cnnlab.diagnosis.remedies import Remedy
from cnnlab.diagnosis.signal import cut_off, dead_layers, forward_size, signal, starved, zeroed
from cnnlab.diagnosis.units import IDENTICAL, identical

# A layer whose weights are that many times larger or smaller than the others' median, in themselves and times the
# root of the fan-in. One deviation for all layers keeps the former equal, He and Xavier the latter.
OUTLIER = 8.0
# Where a norm layer makes up for it, so that what the layer gives is about 1, or less by the norm's eps: depthwise
# layers, drawn by fan out, have 0.02 times the others' gain.
OUTLIER_NORMED, NORMED = 100.0, 1.5
ROUNDED = 3e-7  # of a value of size 1; float32 resolves 1.2e-7
# From one layer to the next. Of gradients He makes 11 times as much in a head behind 4,096 pooled features.
JUMP, BACK, EVEN = 10.0, 30.0, 4.0
MOVED = 0.5  # by the first update, of the weights' size
FEW_LAYERS = 1 / 2  # of all layers; more that differ are an initializer's doing
FADED = 0.02  # the last hidden layer's signal over the first's; He in 22 narrow layers ends at 0.03 to 1
# Filters around their mean filter, over their size: 0.9 for weights around 0, 0.5 for a uniform distribution from 0.
ONE_SIGN = 0.7
# Sum pooling and shortcuts make 4 times as much of a signal as the weights do, thin borders half.
RESCALED = 30.0
# He's gain is 1.41, Xavier's about 1, torch's own 0.58.
GAIN_SMALL, GAIN_LARGE = 0.45, 3.0
GAIN_SMALL_DEEP = 0.8
STARTING = "with the initial weights, the pre-activations' standard deviation is"
GAIN = "the gain (the weights' standard deviation times the root of a unit's number of inputs, median over the layers)"
# Below these a signal shrinks from layer to layer: ReLU halves its variance.
GAINS = {"he": 1.3, "xavier": 0.9}
# First loss over ln(classes): healthy networks start at 1.0 to 1.6, with sum pooling at 3.
LOUD = 4.0
FROM_WEIGHTS = LEARNING | SIGNALS | {"symmetry", "dead_units", "large_updates", "small_updates"}
BIASED = 3.0  # largest bias, or mean of the pre-activations, over their deviation


def equal(run: Evidence) -> Cause | None:
    """Zero or constant weights: no symmetry is broken."""
    if run.first is None or run.last is None or outlier(run):
        return None
    zero, same = zeroed(run.last), identical(run.last)
    began = identical(run.first)
    if not (zero or same) and run.poor and len(began) == len(run.first.of("weight/distinct")) - 1 > 0:
        same = began  # other biases, or dropout, moved them apart, and it did not help
    if not (zero or same) or not (zeroed(run.first) or began):
        return None
    named = f"init={run.context.initializer}" if run.context.initializer else "the initializer"
    what = (
        "all channels of a layer the same weights" if same else "zero weights, which pass neither signal nor gradient"
    )
    counts = [(zero, "whose weights are all zero"), (same, "whose channels have equal weights")]
    clue = Clue(13, " and ".join(f"{plural(len(k), 'hidden layer')} {words}" for k, words in counts if k))
    remedy = remedies.initializer(run.context)
    return Cause("weights_equal", f"{named} makes {what}", remedy, (clue,), FROM_WEIGHTS)


def not_finite(run: Evidence) -> Cause | None:
    broken = run.context.broken
    if not broken:
        return None
    clue = Clue(16, f"the initial weights of {broken[0]} hold NaN or infinity")
    remedy = remedies.anew(run.context, "look what fills these weights: 0 / 0, log(0), unset memory")
    if len(broken) == 1 and len(run.context.units) > 1:
        clause = f"{broken[0]} alone has weights that are not finite"
        return Cause("layer_out_of_scale", clause, remedy, (clue,), FROM_WEIGHTS)
    more = Clue(16, f"the initial weights of {plural(len(broken), 'layer')} hold NaN or infinity")
    return Cause("weights_unsuitable", "the initial weights are not finite", remedy, (more,), FROM_WEIGHTS)


def one_layer(run: Evidence) -> Cause | None:
    """One layer alone is out of scale, zero, constant or dead; the initializer is not at fault."""
    seen = outlier(run)
    found, points = (seen, 13) if seen else (jump(run), 6)
    if found is None:
        return None
    layer, words = found
    clue = Clue(points, f"{layer} {words}; the others are alike")
    remedy = remedies.anew(run.context, f"initialize {layer} as the others are")
    return Cause("layer_out_of_scale", f"{layer} is out of scale, unlike most layers", remedy, (clue,), FROM_WEIGHTS)


def outlier(run: Evidence) -> tuple[str, str] | None:
    """The one layer, or the first of a few, that differs from all others at the first measured step, and how."""
    first = run.first
    if first is None or len(first.of("weight/std")) < 3:
        return None
    stds = first.of("weight/std")
    hidden = list(stds)[:-1]  # a last layer of zeros is a known good start
    distinct = first.of("weight/distinct")
    zero = [k for k in hidden if stds[k] == 0 and math.isnan(distinct.get(k, 1.0))]
    same = [k for k in stds if distinct.get(k, 1.0) < IDENTICAL and k not in zero]
    if len(zero) + len(same) > 1:
        return None
    same = [k for k in same if k in hidden]
    if zero:
        return zero[0], "has only zero weights"
    if same:
        return same[0], "has equal channels"
    around = {k: distinct[k] for k in hidden if distinct.get(k, 1.0) < ONE_SIGN / 2}
    if len(around) == 1 and len(hidden) > 2:
        layer, size = next(iter(around.items()))
        return layer, f"has filters that differ from their mean by {number(size)} of their norm; 0.9 is usual"
    dead = [layer for layer in dead_layers(first) if run.context.units.get(layer, 3) > 2]
    gain, one_sign = median_gain(run), _scattered(first) < ONE_SIGN
    if len(dead) == 1 and not one_sign and (gain is None or GAIN_SMALL <= gain <= GAIN_LARGE):
        return dead[0], "is dead from the start"
    if (cut := starved(first)) and not dead_layers(first):
        return None if cut_off(first) else (cut[1], f"gives the same everywhere, although {cut[0]} before it does not")
    if one_sign:  # around a common mean, deviations tell nothing of the weights' size
        return None
    gains = gains_of(run, first)
    last = list(stds)[-1]  # small at first is a known good start
    off = [k for k in gains if _apart(run, stds, k) and _apart(run, gains, k) and not (k == last and gains[k] < 1)]
    if 1 <= len(off) <= FEW_LAYERS * len(gains):
        usual = median(v for k, v in gains.items() if k not in off)
        off.sort(key=lambda k: -abs(math.log(gains[k] / usual)))
        also = "".join(f", {k} of {number(gains[k] / usual)} times" for k in off[1:])
        return off[0], f"has weights of {number(gains[off[0]] / usual)} times the others' gain{also}"
    return None if lost_in_rounding(run) else _rescaled(first, gains, norms=run.context.batch_norm is not False)


def _rescaled(first: Record, gains: Mapping[str, float], norms: bool) -> tuple[str, str] | None:
    """The first layer that gets, or gives, far more or less than its weights make of the layer before: one alone, or
    several that all give more, or all less, where no norm layer hides what they get."""
    factors = {k: factor for k, factor in factors_of(first, gains).items() if k not in _shifted(first)}
    off = [k for k, factor in factors.items() if not 1 / RESCALED <= factor <= RESCALED]
    usual = [k for k, factor in factors.items() if 4 / RESCALED <= factor <= RESCALED / 4]
    # The weights are those after the first update, which can make all of them a hundred times as large.
    moved = any(first.of("weight/update_ratio").get(k, 0.0) > MOVED for k in off)
    # Weights of one sign make more of a signal than their deviation tells.
    one_sign = any(first.of("weight/distinct").get(k, 1.0) < ONE_SIGN for k in off)
    alike = not norms and not moved and not one_sign and len({factors[k] < 1 for k in off}) == 1
    if not off or len(usual) != len(factors) - len(off) or not (len(off) == 1 or alike):
        return None
    also = f", as do {', '.join(off[1:3])}" + (", ..." if len(off) > 3 else "") if len(off) > 1 else ""
    return off[0], f"gives {number(factors[off[0]])} times what its weights make of the layer before{also}"


def lost_in_rounding(run: Evidence) -> str | None:
    """The first layer that gets so little of the one before that it is what float32 rounds off."""
    if run.first is None:
        return None
    factors = factors_of(run.first, gains_of(run, run.first))
    return next((k for k, factor in factors.items() if 0 < factor < ROUNDED), None)


def jump(run: Evidence) -> tuple[str, str] | None:
    """The one layer at which the size of the signal, or of the gradient, changes, and between all others it does not:
    where weights do not show it, as behind a parametrization."""
    for what, words, jumps in (("preactivation/std", "gives", JUMP), ("gradient/std", "gets a gradient of", BACK)):
        sizes = run.first.of(what) if run.first else {}
        last = list(sizes)[-1:]  # small at first is a known good start
        steps = {k: sizes[k] / sizes[before] for before, k in pairwise(sizes) if sizes[before] > 0}
        if len(steps) < len(sizes) - 1 or not all(0 < ratio < math.inf for ratio in steps.values()):
            continue
        far = [k for k, ratio in steps.items() if not 1 / jumps <= ratio <= jumps]
        even = [k for k, ratio in steps.items() if 1 / EVEN <= ratio <= EVEN]
        if far and far == last and (steps[far[0]] < 1) is (what == "preactivation/std"):
            return None
        if len(far) == 1 and len(even) == len(steps) - 1 >= 2 and run.context.units.get(far[0], 3) > 2:
            return far[0], f"{words} {number(steps[far[0]])} times as much as the layer before"
    return None


def _apart(run: Evidence, values: Mapping[str, float], layer: str) -> bool:
    size = run.first.of("preactivation/std").get(layer, 0.0) if run.first else 0.0
    limit = OUTLIER_NORMED if run.context.batch_norm and 1 / OUTLIER < size < NORMED else OUTLIER
    others = [v for k, v in values.items() if k != layer and v > 0]
    ratio = values[layer] / median(others) if others else 1.0
    return not 1 / limit <= ratio <= limit


def too_small(run: Evidence) -> Cause | None:
    return _size(run, vanishing=True)


def too_large(run: Evidence) -> Cause | None:
    return _size(run, vanishing=False)


def _size(run: Evidence, vanishing: bool) -> Cause | None:
    # Equal weights deviate by 0, and have no gain.
    if run.first is None or zeroed(run.first) or len(identical(run.first)) > 1:
        return None
    clues, profile = [], list(signal(run.first).values())
    seen = forward_size(run.first, start=True)
    start = f"{STARTING} {number(profile[0])} in the first layer" if profile else ""
    if seen == ("vanishing" if vanishing else "exploding"):
        clues.append(Clue(5, f"{start} and {number(profile[-1])} in the last"))
    elif vanishing and len(profile) > 4 and profile[-2] < FADED * profile[0]:
        clues.append(Clue(4, f"{start} and {number(profile[-2])} in the last hidden one"))
    gain = median_gain(run)
    if gain is not None and (gain < GAIN_SMALL if vanishing else gain > GAIN_LARGE):
        far = gain < GAIN_SMALL / 3 if vanishing else gain > GAIN_LARGE * 3
        clues.append(Clue(6 if far else 3, f"{GAIN} is {number(gain)}; Xavier has about 1, He 1.4"))
    elif vanishing and gain is not None and gain < GAIN_SMALL_DEEP and len(profile) >= 8 and not seen:
        clues.append(Clue(5, f"{GAIN} is {number(gain)} in {len(profile)} layers; 1 to 1.4 is usual"))
    elif gain is not None and clues and not (vanishing and gain < GAINS.get(run.context.suited or "", 0.0)):
        clues.append(Clue(-3, f"{GAIN}, {number(gain)}, is usual"))
    scattered = _scattered(run.first)
    if not vanishing and IDENTICAL <= scattered < ONE_SIGN:
        clues.append(
            Clue(7, f"the filters' differences from their mean have {number(scattered)} of their norm; 0.9 is usual")
        )
    classes, loss = run.context.classes, run.first_loss
    if not vanishing and classes and math.inf > loss > LOUD * math.log(classes) and not loss_multiplied(run):
        clues.append(Clue(3, f"the first loss is {number(loss)}; guessing has {number(math.log(classes))}"))
    if run.context.batch_norm and clues:
        clues.append(Clue(-4, "norm layers bring any scale of the weights back to 1"))
    suited, present = remedies.initializer(run.context), run.context.initializer
    if present is not None and remedies.keeps(run.context):
        clues.append(Clue(-4, f"init={present} suits the activation"))
        suited = remedies.learning_rate(run.context, 0.1) if run.context.batch_norm else Remedy("model.norm", "batch")
    size = "small" if vanishing else "large"
    named = f"init={present} makes the weights" if present else "the initial weights are"
    clause = f"{named} too {size} for layers of this size"
    return Cause(f"weights_too_{size}", clause, suited, tuple(clues), FROM_WEIGHTS)


def _scattered(record: Record) -> float:
    """The filters' differences from their mean over their size, median over the hidden layers; 1 if unknown."""
    alike = list(record.of("weight/distinct").values())[:-1]
    return median([value for value in alike if value == value] or [1.0])


def biased(run: Evidence) -> Cause | None:
    if run.first is None:
        return None
    clues, bias, shifted = [], run.context.bias, _shifted(run.first)
    where = ""
    if bias is not None and abs(bias) >= 0.5:
        clues.append(Clue(9 if abs(bias) >= 1 else 5, f"init.bias is {bias:g}; 0 is usual"))
    elif 2 * len(shifted) > len(run.first.of("bias/largest")):
        largest = max(shifted.values())
        clues.append(Clue(11, f"the biases of {len(shifted)} layers reach {number(largest)} at the start; 0 is usual"))
    elif len(shifted) == 1:
        where, size = next(iter(shifted.items()))
        where = f" in {where}"
        clues.append(Clue(13, f"the largest bias{where} is {number(size)}; those of other layers are small"))
    means, stds = run.first.of("preactivation/mean"), run.first.of("preactivation/std")
    off = [k for k in means if abs(means[k]) > BIASED * stds.get(k, math.inf) and abs(means[k]) > 0.1]
    clause = f"the biases start far from 0{where}"
    if not clues:
        clause = "the pre-activations start far from 0, by biases or by what else is added to them"
        off = [] if identical(run.first) else off  # equal weights add up whatever is positive
    if 2 * len(off) >= max(len(means), 1):
        layer = off[0]
        clues.append(
            Clue(
                4,
                f"at the first measured step the pre-activations of {layer} have mean {number(means[layer])} and "
                f"standard deviation {number(stds[layer])}",
            )
        )
    if off and dead_layers(run.first):
        clues.append(Clue(3, "units are dead before the first update"))
    if not clues:
        return None
    look = f"set the biases{where} to 0, or look what is added to them"
    gain = median_gain(run)
    usual = gain is None or GAIN_SMALL <= gain <= GAIN_LARGE
    # An initializer sets the biases to 0, too.
    remedy = Remedy("init.bias", 0) if bias and usual else remedies.anew(run.context, look)
    return Cause("biases_unsuitable", clause, remedy, tuple(clues), FROM_WEIGHTS)


def _shifted(record: Record) -> dict[str, float]:
    """The layers whose largest bias is far above the deviation of their pre-activations."""
    sizes = record.of("preactivation/std")
    largest = record.of("bias/largest").items()
    return {k: bias for k, bias in largest if k in sizes and bias > max(1.0, BIASED * min(sizes[k], 1.0))}


CAUSES = (equal, not_finite, one_layer, too_small, too_large, biased)
