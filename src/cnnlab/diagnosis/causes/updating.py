"""Causes between the loss and the weights: layers that are frozen, that no gradient reaches, or that stop."""

import math
from collections.abc import Sequence
from statistics import median

from cnnlab.common.words import number, plural
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import GRADIENTS, LEARNING, SEEN, Cause, Clue
from cnnlab.diagnosis.learning import UPDATE_SMALL
from cnnlab.diagnosis.logged_step import Record
from cnnlab.diagnosis.remedies import Remedy, another_optimizer
from cnnlab.diagnosis.signal import DEAD, dead_layers, forward_size, starved, zeroed

STILL = LEARNING | GRADIENTS | {"small_updates", "large_updates"}
FELT = 1e-8  # a gradient that cannot vanish in one layer
FAR = 30.0  # times smaller or larger than the others' outputs
LAST = 3  # measured steps at the end, from which on it counts that nothing changes
LEAST_RATE = 1e-3  # of the peak; below it updates may be lost in rounding
LEARNED_ALL = 1e-6  # a loss that leaves no gradient


def unregistered(run: Evidence) -> Cause | None:
    """In a loop of one's own; cnnlab's refuses such networks."""
    if not (outside := run.context.unregistered):
        return None
    words = f"{plural(len(outside), 'module')} in the network's Python lists or dicts get a gradient and no update: "
    clue = Clue(15, words + _some([*outside]))
    kept = outside[0].rpartition(".")[0]
    remedy = Remedy(look=f"make {kept} an nn.ModuleList or nn.ModuleDict, and then the optimizer")
    return Cause("layers_frozen", "modules in a Python list are not trained", remedy, (clue,), STILL, mistake=True)


def layers_anew(run: Evidence) -> Cause | None:
    """In a loop of one's own; cnnlab's refuses such networks."""
    if not run.latest("check/layers_anew") > 0:
        return None
    clue = Clue(15, "in every watched step a gradient arrives at weights that were not there in the step before")
    remedy = Remedy(look="make all layers in __init__, none in forward(), and then the optimizer")
    clause = "layers are made anew in every step, and never trained"
    return Cause("layers_frozen", clause, remedy, (clue,), STILL, mistake=True)


def made_anew(run: Evidence) -> Cause | None:
    """In a loop of one's own, in which the optimizer is made."""
    if not run.latest("check/optimizer_anew") > 0:
        return None
    clue = Clue(11, "in every watched step the optimizer is a new one, whose momentum is that of one gradient")
    remedy = Remedy(look="make the optimizer once, before the loop")
    clause = "the optimizer is made anew in each step, and forgets its momentum"
    return Cause("training_unsuitable", clause, remedy, (clue,), STILL, mistake=True)


def frozen(run: Evidence) -> Cause | None:
    left_out = _left_out(run)
    layers = [k for k in (*run.context.frozen, *left_out) if k not in run.context.teachers]
    count = len([k for k in run.context.units if k not in run.context.teachers])
    if not layers and _never_stepped(run):
        clue = Clue(
            12, "gradients arrive, no optimizer takes a step in or between the watched ones, and no weight changes"
        )
        remedy = Remedy(look="call optimizer.step() after loss.backward()")
        return Cause("layers_frozen", "the optimizer takes no step", remedy, (clue,), STILL)
    if not layers and (without := _without_gradient(run)):
        clue = Clue(11, f"a gradient arrives at {_some(without)}, and none is there for the update of the weights")
        remedy = Remedy(look="call backward() between zero_grad() and step(); see that the weights require a gradient")
        return Cause("layers_frozen", "the weights' gradients are gone before the update", remedy, (clue,), STILL)
    if not layers or not count:
        return None
    zero = [k for k in layers if run.measured and all(m.of("weight/std").get(k) == 0 for m in run.measured)]
    points = 14 if zero else 11 if len(layers) / count >= 0.5 else SEEN if left_out else 5
    words = f"{len(layers)} of {count} layers are not trained: {_some(layers)}"
    clues = [Clue(points, f"{words}; all weights of {_some(zero)} are equal" if zero else words)]
    if (off := _out_of_scale(run, layers)) is not None:
        clues.append(off)
    clause = "layers are frozen (requires_grad is False)"
    remedy = Remedy(look="set requires_grad of these weights to True")
    if left_out:
        clause = "the optimizer does not have all weights"
        remedy = another_optimizer(run.context, "give the optimizer network.parameters()")
    meant = len(clues) == 1 and not zero and all(layer in run.context.set_aside for layer in layers)
    return Cause("layers_frozen", clause, remedy, tuple(clues), STILL, meant=meant)


def _left_out(run: Evidence) -> list[str]:
    """In a loop of one's own, what one optimizer does not have, another may move, and what gets no gradient has no
    need of one."""
    if run.context.settings is not None:
        return [*run.context.left_out]
    return [layer for layer in run.context.left_out if layer not in run.moved and not _idle(run, layer)]


def _idle(run: Evidence, layer: str) -> bool:
    """Whether no gradient ever arrives at the layer: not at its weights, where it may have been cleared, nor at its
    output."""
    seen = [m for m in run.measured if m.of("weight/gradient_std")]
    arrived = any(m.of(key).get(layer, 0) != 0 for m in seen for key in ("weight/gradient_std", "gradient/std"))
    return bool(seen) and not arrived


def _never_stepped(run: Evidence) -> bool:
    """In a loop of one's own, where a watched step without a learning rate is one without an optimizer's."""
    gradients = ("weight/gradient_std", "gradient/std")  # of weights that are computed, only the latter is known
    seen = [m for m in run.measured if m.finite and any(any(m.of(key).values()) for key in gradients)]
    stepped = any("optimizer/lr" in m.scalars or any(m.of("weight/update_ratio").values()) for m in run.measured)
    still = run.still if any(m.of("weight/std") for m in run.measured) else run.latest("check/unchanged") > 0
    return run.context.settings is None and len(seen) >= LAST and not stepped and still


def _out_of_scale(run: Evidence, layers: list[str]) -> Clue | None:
    """No training can bring a frozen layer's output to the size of the others'."""
    sizes = run.first.of("preactivation/std") if run.first else {}
    for layer in layers:
        others = [size for k, size in sizes.items() if k not in layers and size > 0]
        ratio = sizes.get(layer, math.nan) / median(others) if others else math.nan
        if ratio < 1 / FAR or ratio > FAR:
            return Clue(6, f"the output of {layer} is {number(ratio)} times as large as the others', and stays so")
    return None


def _without_gradient(run: Evidence) -> list[str]:
    """The layers whose output always gets a gradient, and whose weights never do."""
    seen = [m for m in run.measured if m.finite and m.of("gradient/std") and m.of("weight/gradient_std")]
    # In a loop of one's own they may be cleared after the update, which then is not that of a decay alone.
    if run.context.settings is None and (run.updated_elsewhere or any(r >= UPDATE_SMALL for _, r in run.ratios)):
        return []
    if len(seen) < 2 or same_outputs(seen) or any(no_input(m) for m in seen):  # without input there is no gradient
        return []
    layers = list(seen[0].of("gradient/std"))
    return [
        k
        for k in layers
        if all(m.of("gradient/std").get(k, 0) > 0 and m.of("weight/gradient_std").get(k) == 0 for m in seen)
    ]


def detached(run: Evidence) -> Cause | None:
    """Trainable layers that run, and that no gradient ever reaches, although those behind them get some."""
    known = {*run.context.frozen, *_left_out(run)}
    records = [m for m in run.measured if m.finite and m.of("weight/gradient_std")]
    if (
        run.updated_elsewhere or not records or starved(records[0]) or same_outputs(records)
    ):  # nothing comes through forward, either
        return None
    ran = list(records[0].of("preactivation/std"))
    still = [k for k in ran if k not in known and all(m.of("weight/gradient_std").get(k) == 0 for m in records)]
    # A zero that arrives is logged as one; where nothing arrives there is no value.
    unreached = [k for k in still if all(k not in m.of("gradient/std") for m in records)] or _cut(records)
    if not unreached:
        return None
    points = 11 if len(unreached) < len(ran) or len(ran) == 1 else 13
    clue = Clue(points, f"no gradient ever reaches {len(unreached)} of {len(ran)} layers: {_some(unreached)}")
    clause = "something cuts the gradient's way (detach, no_grad, .data, or a step without gradient)"
    remedy = Remedy(look=f"find what cuts the graph behind {unreached[-1]}: detach(), no_grad(), .data, argmax")
    return Cause("layers_detached", clause, remedy, (clue,), STILL)


def _cut(records: list[Record]) -> list[str]:
    """The layers below one from which no gradient comes, at any step: a rounding, a step function, argmax."""
    if len(records) < 3 or any(no_input(m) for m in records):
        return []
    gradients = [m.of("gradient/std") for m in records]
    order = list(gradients[0]) if gradients else []
    still = [k for k in order if all(g.get(k) == 0 for g in gradients)]
    above = order[len(still)] if still and len(still) < len(order) else None
    whole = still == order[: len(still)] and above is not None
    return still if whole and all(g.get(above or "", 0) > FELT for g in gradients) else []


def stopped(run: Evidence) -> Cause | None:
    """The weights moved at first, and at all of the last measured steps none did, or none got a gradient, though the
    learning rate was not annealed and the layers had input."""
    least = LEAST_RATE * (run.context.learning_rate or 0.0)
    seen = [m for m in run.measured if m.finite and m.of("weight/update_ratio")]
    seen = [m for m in seen if m.scalars.get("optimizer/lr", least) >= least and (m.loss or 0.0) > LEARNED_ALL]
    rested = [not _moved(m) and not _silent(m) for m in seen]
    still = rested[::-1].index(False) if False in rested else 0
    if still < LAST or not any(map(_moved, seen)):
        return None
    since = seen[-still]
    changes = "weight changes" if any(since.of("weight/gradient_std").values()) else "gradient arrives at any weight"
    clue = Clue(11, f"from step {since.step} on no {changes}, before it did")
    clause = f"training stops at about step {since.step}"
    remedy = Remedy(look=f"look what freezes, detaches or skips at about step {since.step}")
    return Cause("layers_frozen", clause, remedy, (clue,), STILL)


def _moved(record: Record) -> bool:
    gradients = record.of("weight/gradient_std").values()
    return any(record.of("weight/update_ratio").values()) and (any(gradients) or not gradients)


def _silent(record: Record) -> bool:
    """A signal that vanishes, or dies, takes the gradients with it."""
    dead = any(share >= DEAD for share in record.of("activation/dead").values())
    return dead or no_input(record) or forward_size(record, start=False) == "vanishing"


def same_outputs(records: Sequence[Record]) -> bool:
    """Whether all images of a batch got the same, at each of these steps at which outputs were measured."""
    seen = [m.scalars for m in records if "output/spread" in m.scalars]
    return bool(seen) and all(m["output/spread"] <= 1e-6 * max(m.get("output/std", 0.0), 1e-30) for m in seen)


def no_input(record: Record) -> bool:
    """Whether a layer gets the same everywhere, as behind dead units and weights of zero."""
    return bool(dead_layers(record) or zeroed(record) or starved(record))


def _some(layers: list[str]) -> str:
    return ", ".join(layers[:3]) + (f" and {len(layers) - 3} more" if len(layers) > 3 else "")


CAUSES = (unregistered, layers_anew, made_anew, frozen, detached, stopped)
