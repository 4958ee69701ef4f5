"""The first number that is not one: in which layer, in which direction, and whether it arose there or came in."""

import math

from cnnlab.diagnosis import remedies
from cnnlab.diagnosis.evidence import Evidence, Moment
from cnnlab.diagnosis.finding import Finding, number

# The trainer counts the steps with a finite loss and so knows the step between two measurements.
EXACT = "train/first_nonfinite_step"


def nonfinite(run: Evidence) -> list[Finding]:
    i = next((i for i, m in enumerate(run.moments) if not m.finite), None)
    if i is None:
        return []
    # An epoch's mean loss tells that something happened; which layer it was, the next measured step has seen.
    seen = next((m for m in run.moments[i:] if not m.finite and m.of("preactivation/std")), run.moments[i])
    step = int(
        next((m.scalars[EXACT] for m in run.moments[i:] if EXACT in m.scalars), min(m.step for m in run.moments[i:]))
    )
    healthy = max((m.step for m in run.moments[:i] if m.step < step), default=None)
    layer, direction, role, story = _origin(seen)
    since = f"the last healthy step on record is {healthy}" if healthy is not None else "no step on record is healthy"
    sentence = f"The first NaN or infinity appeared at step {step}; at step {seen.step}, {story}; {since}."
    cause, override = _advice(run, healthy, role)
    numbers: dict[str, float | str] = {"step": step, "layer": layer, "direction": direction, "role": role}
    if healthy is not None:
        numbers["last_healthy_step"] = healthy
    return [Finding("non_finite", "problem", step, sentence, cause, override, numbers)]


def _origin(moment: Moment) -> tuple[str, str, str, str]:
    """(layer, direction, role, the story in words) of the earliest culprit in the order of computation."""
    order = list(moment.of("preactivation/std"))
    if not order:
        return "loss", "forward", "propagator", "the loss shows it, and no layer was measured"
    forward = [k for k in order if k in {*moment.broken("preactivation"), *moment.broken("activation")}]
    if forward:
        layer, rest = forward[0], _rest(len(forward) - 1, "later")
        # The first layer gets images, which are finite, so what it yields comes from its own weights.
        if layer == order[0]:
            why = "an earlier update ruined its weights" if moment.step else "its weights or the images hold it"
            story = f"the first layer, {layer}, is broken on the way forward already: {why}"
            return layer, "forward", "propagator", f"{story}{rest}"
        return (
            layer,
            "forward",
            "producer",
            f"{layer} produced it on the way forward{_inputs(moment, order, layer)}{rest}",
        )
    backward = moment.broken("gradient")
    if backward and (math.isfinite(moment.loss or 0.0) or backward[-1] != order[-1]):
        layer, rest = backward[-1], _rest(len(backward) - 1, "earlier")
        return layer, "backward", "producer", f"{layer} produced it on the way backward{rest}"
    return "loss", "forward", "producer", f"the loss produced it from finite logits{_rest(len(backward), 'earlier')}"


def _inputs(moment: Moment, order: list[str], layer: str) -> str:
    before = order[order.index(layer) - 1]
    sizes = (moment.of("activation/largest").get(before), moment.of("preactivation/largest").get(before))
    size = next((s for s in sizes if s is not None), None)
    return " from finite inputs" if size is None else f" from inputs up to {number(size)}"


def _rest(count: int, which: str) -> str:
    return f", and {count} {which} layers pass it on" if count else ""


def _advice(run: Evidence, healthy: int | None, role: str) -> tuple[str, str]:
    if healthy is None and role == "propagator":
        return "the images or the initial weights hold NaN or infinity", "init=he"
    if healthy is None:
        return remedies.scale(run.context, vanishing=False, step=0)
    return "the updates before it were too large", remedies.learning_rate(run.context, 0.1)
