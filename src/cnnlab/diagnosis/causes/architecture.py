"""Causes in the network: dropout, width, depth, what it does in evaluation."""

import math

from cnnlab.common.words import number, percent, plural, points
from cnnlab.diagnosis import remedies
from cnnlab.diagnosis.causes.images_seen import REPEATED, ROUNDING
from cnnlab.diagnosis.causes.number_format import is_narrow, overflow, produced
from cnnlab.diagnosis.causes.outputs import SUM_ERROR
from cnnlab.diagnosis.causes.starting_weights import jump, lost_in_rounding
from cnnlab.diagnosis.causes.updating import LAST, no_input, same_outputs
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import LEARNING, SEEN, SIGNALS, Cause, Clue
from cnnlab.diagnosis.learning import GAP
from cnnlab.diagnosis.remedies import Remedy
from cnnlab.diagnosis.signal import cut_off, dead_layers, forward_size

DROPOUT, DROPOUT_HIGH = 0.8, 0.65
# Correlation of the outputs of two passes of the same images in training mode; with dropout 0.5 it is above 0.8.
AGREEMENT = 0.4
NOISE = 0.1  # no more in common than by chance
AGREEMENT_AT_START = 0.1  # where the untrained head's outputs are hardly more than what dropout makes of them
DEEP = 8
VERY_DEEP = 24  # He et al. 2015 train 30 layers, slowly; 40 with norm layers are worse than 12 without on MNIST
THIN = 2  # units
WIDTHS = {"model.channels": 16, "model.head": 64}  # usual ones
EXPONENT = 88.0  # exp of more is infinite in float32
SAME = 4.5  # points: what is seen of the weights, as of too small ones, comes before what follows from it
FLAT = 0.02  # deviation within images over that of all values; digits have 0.9, photos 0.7
# At 0, of activations that weights of the usual gain do not make up for.
SLOPES = {"sigmoid": 0.25, "hardsigmoid": 1 / 6, "softplus": 0.5}
# Training images right in training mode minus right in evaluation mode. Dropout and augmentation make it negative.
MODES_DIFFER = 0.2
# Or half of that, where it is much of what is above guessing; 512 images scatter by 0.02.
MODES_SLIGHTLY, MODES_SKILL = 0.1, 0.6
# The other way round: half of the units dropped costs up to 0.2.
MODES_FAR, DROPOUT_USUAL = 0.3, 0.5
FADING = LEARNING | SIGNALS | {"small_updates"}


def dropped(run: Evidence) -> Cause | None:
    share, agreement, clues = run.context.dropout or 0.0, run.latest("check/agreement"), []
    clause = "what is dropped at random in training leaves too little to learn from"
    if share >= DROPOUT_HIGH:
        clues.append(Clue(13 if share >= DROPOUT else 5, f"dropout is {share:g}; 0.2 to 0.5 is usual"))
        clause = f"dropout, {share:g}, leaves too little to learn from"
    always = run.latest("check/evaluation_varies") > 0  # then it is not what training alone drops
    passes = "in training mode, two passes of the same images have outputs that correlate by"
    if agreement < AGREEMENT and not always:
        clues.append(Clue(14, f"{passes} {agreement:.2f}"))
    elif run.guesses and not always and (at_start := run.latest("check/agreement_at_start")) < AGREEMENT_AT_START:
        clues.append(Clue(14, f"{passes} {at_start:.2f} with the initial weights"))
    if not clues:
        return None
    if run.latest("validation/accuracy") - run.recent("train/accuracy") > 0.1:
        clues.append(Clue(2, "without dropout, on validation images, the network is better than in training"))
    explains = LEARNING | SIGNALS | {"large_updates", "small_updates", "dead_units"}
    return Cause("dropout_too_strong", clause, Remedy("model.dropout", 0), tuple(clues), explains)


def narrow(run: Evidence) -> Cause | None:
    hidden = list(run.context.units.items())[:-1]
    thin = [(layer, count) for layer, count in hidden if count <= THIN]
    layer, clue = "", None
    if thin and len(thin) < len(hidden):
        layer, count = min(thin, key=lambda pair: pair[1])
        dead = run.last is not None and layer in dead_layers(run.last)
        clue = Clue(8 if count == 1 or dead else 4, f"{layer} has {count} unit{'s' if count > 1 else ''}")
    elif run.context.narrowest and run.context.classes and run.context.narrowest[1] < run.context.classes:
        layer, count = run.context.narrowest
        clue = Clue(
            7, f"of each image only {count} values pass through {layer}; there are {run.context.classes} classes"
        )
    if clue is None:
        return None
    return Cause("too_narrow", f"all that later layers see passes through {layer}", _wider(run, layer), (clue,))


def _wider(run: Evidence, layer: str) -> Remedy:
    for setting, usual in WIDTHS.items():
        widths = (run.context.settings or {}).get(setting)
        if isinstance(widths, (list, tuple)) and any(width <= THIN for width in widths):
            wider = ",".join(str(usual if width <= THIN else width) for width in widths)
            return Remedy(setting, f"[{wider}]")
    return Remedy(look=f"give {layer} more units, or a larger map")


def evaluation_differs(run: Evidence) -> Cause | None:
    training, evaluation = run.latest("check/training_mode"), run.latest("check/evaluation_mode")
    clues = []
    by_much = run.skill(evaluation) < MODES_SKILL * run.skill(training) and training - evaluation >= MODES_SLIGHTLY
    if training - evaluation >= MODES_DIFFER or by_much:
        clues.append(
            Clue(11, f"of the same training images {percent(training)} are right in training mode, and "
                 f"{percent(evaluation)} in evaluation mode")
        )  # fmt: skip
    elif evaluation - training >= MODES_FAR and not (run.context.dropout or 0.0) > DROPOUT_USUAL:
        clues.append(
            Clue(
                9,
                f"of the same training images {percent(evaluation)} are right in evaluation mode, and only "
                f"{percent(training)} in training mode",
            )
        )
    varies = run.latest("check/evaluation_varies") > 0
    if varies and (not run.near_guessing or run.latest("check/agreement") > NOISE):
        clues.append(Clue(9, "in evaluation mode the same images get different outputs each time"))
    clause = "the network computes something else in evaluation mode (batch norm's running statistics, dropout)"
    remedy = Remedy(look="look at what depends on self.training: batch norm's momentum and statistics, dropout")
    explains = LEARNING | {"overfitting", "memorized", "test_unlike_training"}
    return Cause("evaluation_differs", clause, remedy, tuple(clues), explains) if clues else None


def trained_in_evaluation(run: Evidence) -> Cause | None:
    """In a loop of one's own; cnnlab's trains in training mode. A norm layer that is frozen alone is not meant."""
    seen = [m for m in run.measured if any(m.of("weight/update_ratio").values())]
    modes = [m.scalars.get("network/in_evaluation", 0.0) > 0 for m in reversed(seen)]
    last = modes.index(False) if False in modes else len(modes)
    if not modes or last < min(LAST, len(modes)):
        return None
    since = f"from step {seen[-last].step} on" if last < len(modes) else "in every measured step"
    clue = Clue(11, f"{since} the network was in evaluation mode: no dropout, batch norm by old statistics")
    remedy = Remedy(look="call network.train() before training, and again after each validation")
    clause = "the network is trained in evaluation mode"
    return Cause("evaluation_differs", clause, remedy, (clue,), LEARNING | SIGNALS, mistake=True)


def input_ignored(run: Evidence) -> Cause | None:
    """The outputs are the same for all images, though no layer is dead or zero; or the first layer gets the same of
    all images, though the data set has different ones."""
    seen = [m for m in run.measured if "output/spread" in m.scalars and m.finite]
    if not seen:
        return None
    clues = []
    mean, std = (seen[0].scalars.get(f"images/{key}", 1.0) for key in ("mean", "std"))
    if std <= ROUNDING * max(1.0, abs(mean)) and (run.context.distinct_images or 0.0) > REPEATED:
        clues.append(Clue(16, "the images differ, and the first layer gets the same values for all of them"))
    if same_outputs(seen) and not any(no_input(m) for m in seen):
        cut = not any(next(iter(m.of("gradient/std").values())) for m in seen if m.of("gradient/std"))
        words = "all images of a batch get the same outputs, at every measured step"
        clues.append(Clue(10, f"{words}, and no gradient comes back") if cut else Clue(SAME, words))
    if (lost := lost_in_rounding(run)) is not None:
        clues.append(Clue(12, f"{lost} gets nothing but rounding of what the layer before gives"))
    # Outputs of two passes that have next to nothing in common do not depend on the images.
    noise = not run.latest("check/agreement") > NOISE
    varies = run.latest("check/evaluation_varies") > 0
    if varies and run.near_guessing and noise:
        clues.append(Clue(10, "the same images get other outputs each time, in evaluation mode too"))
    if seen[0].scalars.get("images/contrast", 1.0) < FLAT:
        clues.append(Clue(12, "each image has the same value everywhere where the first layer gets it"))
    clause, remedy = "the outputs do not depend on the images", Remedy(look="follow an image through forward()")
    return Cause("input_ignored", clause, remedy, tuple(clues), LEARNING | SIGNALS) if clues else None


def images_mixed(run: Evidence) -> Cause | None:
    """What is right for a batch says nothing of a single image."""
    clues = []
    if run.latest("check/order_matters") > 0 and not run.latest("check/evaluation_varies") > 0:
        clues.append(Clue(10, "an image's output changes with its place in a batch, or with the other images in it"))
    seen = [m.scalars for m in run.measured if "output/over_images" in m.scalars and m.finite]
    if run.latest("loss/over_images") > 0:
        clues.append(Clue(14, "the loss gets a softmax over the images of a batch (dim=0), not over the classes"))
    elif seen and all(m["output/over_images"] < SUM_ERROR and m.get("output/std", 0.0) > 0 for m in seen):
        clues.append(Clue(14, "each class's probabilities add up to 1 over the images of a batch (softmax of dim=0)"))
    clause = "an image's output depends on other images of the batch"
    remedy = Remedy(look="follow an image through forward(): dimension 0 is that of the images, 1 that of the classes")
    return Cause("input_ignored", clause, remedy, tuple(clues), LEARNING | SIGNALS, misleads=True) if clues else None


def undefined(run: Evidence) -> Cause | None:
    """Infinity or NaN from values that no number format is too narrow for."""
    made, found = produced(run), overflow(run)
    if run.context.broken or run.latest("check/produced_by_update") == 1:
        return None
    if made is not None and not is_narrow(made[0]):
        clue = Clue(11, f"{made[0]} makes infinity or NaN of finite values, of at most {number(made[1])}")
    elif made is None and found is not None and not found.possible:
        words = f"{found.seen}, and no value before exceeds {number(found.size)}"
        finite = "sums, squares, exponentials" if found.size < EXPONENT else "sums, squares"
        clue = Clue(9, f"{words}: {finite} of such values stay finite")
    else:
        return None
    remedy = Remedy(look="look for a division by 0, a root of 0 or a logarithm of 0 there; add an epsilon")
    clause = "an operation in the network, or in the loss, has no finite result"
    return Cause("network_unsuitable", clause, remedy, (clue,), LEARNING | SIGNALS)


def deep(run: Evidence) -> Cause | None:
    """Initialized as recommended, and still the signal's scale is not kept."""
    if run.first is None:
        return None
    layers = len(run.first.of("preactivation/std"))
    stack = "model.convs_per_block" in (run.context.settings or {})  # which has no shortcuts
    if layers < DEEP or (run.context.batch_norm and not (stack and layers > VERY_DEEP)):
        return None
    clues = [Clue(1.5 if layers > 12 else 0.5, f"the network has {layers} layers with weights")]
    if forward_size(run.first, start=True) and remedies.keeps(run.context) and not jump(run):
        clues.append(Clue(6, f"init={run.context.initializer} is what suits the activation"))
    if stack and layers > VERY_DEEP:
        clues.append(Clue(4, f"more than {VERY_DEEP} layers without shortcuts hardly train, with norm layers or not"))
    remedy = Remedy("model.norm", "batch")
    if stack and layers > VERY_DEEP:
        remedy = Remedy("model.convs_per_block", 2)
    lacks = "no shortcuts around its layers" if run.context.batch_norm else "no norm layers"
    return Cause("too_deep", f"the network is deep and has {lacks}", remedy, tuple(clues), FADING)


def unsuitable_activation(run: Evidence) -> Cause | None:
    name = run.context.activation
    if name not in SLOPES or run.first is None:
        return None
    layers = len(run.first.of("preactivation/std"))
    slope = f"the slope of {name} at 0 is {number(SLOPES[name])}, and what makes images differ is multiplied by it"
    clues = [Clue(min(8, layers), f"{slope} and by the weights in each of {layers} layers")]
    if layers < 4:
        clues.append(Clue(-3, f"there are only {layers} layers"))
    # In many layers what suited it lets ReLU's signal vanish, unless norm layers renew it.
    other = (run.context.initializer or "he").startswith(("xavier", "normal", "uniform"))
    fades = layers >= DEEP and not run.context.batch_norm and other
    remedy = Remedy("model.activation", "relu", also=Remedy("init", "he") if fades else None)
    return Cause("activation_unsuitable", f"{name} is hard to train in {layers} layers", remedy, tuple(clues), FADING)


def blocked(run: Evidence) -> Cause | None:
    """What is between two layers lets nothing through."""
    if run.first is None or dead_layers(run.first) or not (cut := cut_off(run.first)):
        return None
    before, layer = cut
    words = f"{layer} gets nothing, although {before} before it gives a signal"
    gradients = [found for m in run.measured if (found := m.of("weight/gradient_std"))]
    if gradients and not any(any(found.values()) for found in gradients):
        words += "; no gradient ever arrives at any weight"
    remedy = Remedy(look=f"look what lies between {before} and {layer}: a factor of zero, a threshold, a rounding")
    explains = FADING | {"large_updates", "symmetry", "dead_units"}
    return Cause("layer_out_of_scale", f"nothing of {before} reaches {layer}", remedy, (Clue(13, words),), explains)


def softmax_inside(run: Evidence) -> Cause | None:
    if not (layers := run.latest("network/behind_softmax")) > 0:
        return None
    words = f"the input of {plural(int(layers), 'layer')} is what a softmax gives, whose values add up to 1"
    clause = "a softmax between layers leaves little of signal and gradient"
    remedy = Remedy(look="take ReLU between layers, and no softmax")
    clue = Clue(SEEN if run.poor else SEEN - 1, words)
    return Cause("activation_unsuitable", clause, remedy, (clue,), FADING)


def memorizes(run: Evidence) -> Cause | None:
    split = "test" if math.isnan(run.latest("validation/accuracy")) else "validation"
    gap = run.recent("train/accuracy") - run.latest(f"{split}/accuracy")
    if not gap >= GAP:
        return None
    # Below every other cause of a gap, and not refuted where dropout is tried and does not help.
    clue = Clue(6.5, f"accuracy is {points(gap)} higher on training images than {run.on(split)}")
    dropped = run.context.dropout or 0.0
    remedy = Remedy("model.dropout", 0.5) if dropped < 0.5 else Remedy("optimizer.weight_decay", 0.005)
    clause = "the network memorizes the training images"
    return Cause("memorizes", clause, remedy, (clue,), frozenset({"overfitting", "memorized"}))


CAUSES = (
    *(narrow, evaluation_differs, trained_in_evaluation, input_ignored, images_mixed, undefined, softmax_inside),
    blocked,
)
STRUCTURE = (deep, unsuitable_activation)
ANY_PART = (memorizes,)
