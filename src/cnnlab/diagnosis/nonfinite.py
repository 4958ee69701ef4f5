"""The first NaN or infinity: in which layer and pass, and whether it arose there or was passed on."""

import math

from cnnlab.common.words import number, plural
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import Finding
from cnnlab.diagnosis.logged_step import Record

# The trainer counts steps with finite loss, so the exact step is known even between measurements.
EXACT = "train/first_nonfinite_step"
CALM_SIZE = 100.0  # of a pre-activation
CALM_UPDATE = 0.05  # of the weights' size
CALM_LOSS = 2.0  # of the first


def nonfinite(run: Evidence) -> list[Finding]:
    i = next((i for i, m in enumerate(run.records) if not m.finite), None)
    if i is None:
        return []
    # An epoch's mean loss shows that it happened; the next measured step shows in which layer.
    seen = next((m for m in run.records[i:] if not m.finite and m.of("preactivation/std")), run.records[i])
    step = int(
        next((m.scalars[EXACT] for m in run.records[i:] if EXACT in m.scalars), min(m.step for m in run.records[i:]))
    )
    healthy = max((m.step for m in run.records[:i] if m.step < step), default=None)
    layer, direction, role, story = _origin(seen)
    since = f"the last logged step without any is {healthy}" if healthy is not None else "no logged step is without"
    if seen.step > step:
        # By then updates have carried it everywhere, and where it began is not known.
        layer, direction, role = "unknown", "unknown", "unknown"
        count = len(seen.broken("preactivation"))
        story = (
            f"the next measured step, {seen.step}, has it in {plural(count, 'layer')}, so where it began is not known"
        )
        sentence = f"The loss was not finite from step {step} on; {story}; {since}."
    else:
        sentence = f"The first NaN or infinity appeared at step {step}: {story}; {since}."
    numbers: dict[str, float | str] = {"step": step, "layer": layer, "direction": direction, "role": role}
    if healthy is not None:
        numbers["last_healthy_step"] = healthy
    return [Finding("non_finite", "problem", step, sentence, numbers=numbers)]


def sudden(run: Evidence) -> tuple[Record, Record] | None:
    """The last measured record before values were infinite, and the first with them, if all was of usual size before:
    a run that diverges grows first."""
    broken = next((i for i, m in enumerate(run.measured) if not m.finite), 0)
    if not broken:
        return None
    last = run.measured[broken - 1]
    size, update = max(last.of("preactivation/largest").values(), default=math.inf), last.update_ratio()
    calm = size <= CALM_SIZE and update is not None and update <= CALM_UPDATE
    calm = calm and not (last.loss or 0.0) > CALM_LOSS * run.first_loss
    return (last, run.measured[broken]) if calm else None


def _origin(record: Record) -> tuple[str, str, str, str]:
    """(layer, direction, role, description) of the earliest non-finite value in order of computation."""
    order = list(record.every("preactivation/std"))
    if not order:
        return "loss", "forward", "propagator", "the loss shows it, and no layer was measured"
    forward = [k for k in order if k in {*record.broken("preactivation"), *record.broken("activation")}]
    if forward:
        layer, rest = forward[0], _rest(len(forward) - 1, "later")
        # The first layer's input, the images, is finite, so its weights must be the source.
        if layer == order[0]:
            why = "an earlier update ruined its weights" if record.step else "its weights or the images contain it"
            story = f"the first layer, {layer}, is already non-finite in the forward pass: {why}"
            return layer, "forward", "propagator", f"{story}{rest}"
        return (
            layer,
            "forward",
            "producer",
            f"{layer} produced it in the forward pass{_inputs(record, order, layer)}{rest}",
        )
    backward = record.broken("gradient")
    if backward and (math.isfinite(record.loss or 0.0) or backward[-1] != order[-1]):
        layer, rest = backward[-1], _rest(len(backward) - 1, "earlier")
        return layer, "backward", "producer", f"{layer} produced it in the backward pass{rest}"
    return "loss", "forward", "producer", f"the loss produced it from finite logits{_rest(len(backward), 'earlier')}"


def _inputs(record: Record, order: list[str], layer: str) -> str:
    before = order[order.index(layer) - 1]
    sizes = (record.every(f"{what}/largest").get(before) for what in ("activation", "preactivation"))
    size = next((s for s in sizes if s is not None), None)
    return " from finite inputs" if size is None else f" from inputs of at most {number(size)} in size"


def _rest(count: int, which: str) -> str:
    words = f"1 {which} layer passes" if count == 1 else f"{count} {which} layers pass"
    return f", and {words} it on" if count else ""


RULES = (nonfinite,)
