"""Follows one picture through a network: each layer's output, and what each input contributes to the logits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.common.words import percent
from cnnlab.networks.modules.table import NoActivation, layer_type
from cnnlab.networks.trace import IMAGE, Call, Recorder, mode


@dataclass(frozen=True)
class Step:
    """A layer's output for one picture: (C, H, W), or (F,) when flat.

    `kind`: "input", "convolution", "activation", "pooling", "norm", "padding", "flatten", "fully connected", "sum",
    "concatenation", "nothing" for a layer without effect, or the module's class. `partial`: whether the last row, the
    last column come from pooling windows cut off by the border.
    """

    name: str
    kind: str
    words: str
    output: Tensor
    partial: tuple[bool, bool] = (False, False)


@dataclass(frozen=True)
class Votes:
    """The last fully connected layer, decomposed: logit_k = bias_k + sum over i of contributions[k, i].

    `contributions`: (classes, F), weight times input. `sources`: the origin of each of the F inputs.
    """

    contributions: Tensor
    bias: Tensor
    sources: list[str]

    def strongest(self, k: int, count: int) -> list[tuple[str, float]]:
        """The `count` contributions to class k of largest magnitude, of either sign, in descending order."""
        votes = self.contributions[k]
        order = votes.abs().argsort(descending=True, stable=True)[:count].tolist()
        return [(self.sources[i], float(votes[i])) for i in order]


@dataclass(frozen=True)
class Journey:
    """`steps` in execution order, starting with the input; `votes`: None if the last layer is not fully connected.
    `unseen`: places where a step does not get the output of the one before: a branch, or a function, an assignment or a
    layer with several outputs comes between."""

    steps: list[Step]
    logits: Tensor
    votes: Votes | None
    unseen: int = 0


def follow(network: nn.Module, x: Tensor) -> Journey:
    """Run one normalized picture `x` (1, C, H, W) through the network in evaluation mode and record every layer, and
    every function that a layer equals."""
    channels, height, width = x.shape[1:]
    steps = [Step("input", "input", f"{channels} x {height}x{width}, normalized", _snapshot(x))]
    seen: dict[int, Tensor] = {IMAGE: steps[0].output}  # by place; copies, since layers in place overwrite their input
    last, unseen = IMAGE, 0
    linear: tuple[nn.Linear, Tensor, int] | None = None  # the last one, its input, its index in `steps`

    def note(call: Call, output: Any) -> None:
        nonlocal last, unseen, linear
        place = len(recorder.calls) - 1
        if not isinstance(output, Tensor):
            return
        seen[place] = _snapshot(output)
        if not call.known:
            return
        unseen += last not in call.inputs
        last = place
        before = seen.get(call.inputs[0]) if call.inputs else None
        if before is None:  # one of several outputs of a function
            steps.append(_other(call.name, call.module, seen[place]))
            return
        if isinstance(call.module, nn.Linear) and output.dim() == 2:
            linear = (call.module, before, len(steps))
        steps.append(_step(call.name, call.module, before, seen[place]))

    recorder = Recorder(x, note)
    with mode(network, training=False), torch.no_grad(), recorder.listening(network), recorder:
        logits = network(x)
    ended = recorder.place(logits)
    unseen += ended != last
    votes = None
    if linear is not None and ended == last:
        module, inputs, index = linear
        if all(step.kind == "nothing" for step in steps[index + 1 :]):
            votes = _votes(module, inputs, steps[:index])
    return Journey(steps, _snapshot(logits), votes, unseen)


def _snapshot(x: Tensor) -> Tensor:
    return x[0].detach().float().cpu().clone()


def _step(name: str, module: nn.Module, before: Tensor, after: Tensor) -> Step:
    known = layer_type(module)
    role = known.role if known else None
    if isinstance(module, NoActivation):
        role = "nothing"
    match role:
        case "weights" if isinstance(module, nn.Conv2d):
            return Step(name, "convolution", _convolution(module, after), after)
        case "weights":
            return Step(name, "fully connected", f"{before.numel()} to {_shape(after)}", after)
        case "activation":
            return Step(name, "activation", _activation(module, before, after), after)
        case "pooling":
            return _pooling(name, module, before, after)
        case "norm":
            return Step(name, "norm", _norm(module), after)
        case "padding":
            return Step(name, "padding", f"zero padding, {_shape(after)}", after)
        case "flatten":
            return Step(name, "flatten", f"{_shape(before)} in one row:\n{_shape(after)}", after)
        case "sum" | "concatenation":
            return Step(name, role, f"{role} of branches,\n{_shape(after)}", after)
        case "dropout" | "nothing":
            return Step(name, "nothing", "no effect in evaluation mode", after)
    return _other(name, module, after)


def _other(name: str, module: nn.Module, after: Tensor) -> Step:
    return Step(name, type(module).__name__, f"{type(module).__name__}, {_shape(after)}", after)


def _convolution(module: Any, after: Tensor) -> str:
    k, s = module.kernel_size, module.stride
    stride = f", stride {s[0]}" if s != (1, 1) else ""
    frozen = "" if module.weight.requires_grad else ", frozen"
    return f"convolution {k[0]}x{k[1]}{stride}{frozen},\n{_shape(after)}"


def _activation(module: nn.Module, before: Tensor, after: Tensor) -> str:
    cells = after.numel()
    kind, bounds = type(module).__name__, _bounds(module)
    if bounds is not None:
        low, high = bounds
        saturated = int(((after - low).abs().minimum((high - after).abs()) < 0.01 * (high - low)).sum())
        return f"{kind}: {saturated} of {cells} cells\nsaturated ({percent(saturated / cells)})"
    cut = int(((after == 0) & (before != 0)).sum())
    if cut:
        return f"{kind} cut {cut} of {cells}\ncells to 0 ({percent(cut / cells)})"
    below = int((before < 0).sum())
    return f"{kind}: {below} of {cells} cells\nwere below 0 ({percent(below / cells)})"


def _bounds(activation: nn.Module) -> tuple[float, float] | None:
    """Lower and upper limit of a bounded activation, else None."""
    known = layer_type(activation)
    pieces = known.activation.pieces(activation) if known and known.activation else None
    if not pieces or pieces[0].slope or pieces[-1].slope:
        return None
    return pieces[0].intercept, pieces[-1].intercept


def _norm(module: nn.Module) -> str:
    if isinstance(module, nn.BatchNorm2d):
        return "(x - mean) / std per channel,\nrunning statistics of training"
    return f"{type(module).__name__}: (x - mean) / std,\nstatistics of this picture"


def _pooling(name: str, module: nn.Module, before: Tensor, after: Tensor) -> Step:
    cells, left = before[0].numel(), after[0].numel()
    partial = _partial(module, before)
    known = layer_type(module)
    takes = known.pooling.takes(module) if known and known.pooling else None
    where = "each channel" if left == 1 and not hasattr(module, "kernel_size") else "each window"
    operation = "largest" if takes == "max" else takes or "pooling"
    removed = f"{cells - left} of {cells} cells per channel"
    removed = f"dropped {removed}" if takes == "max" else f"{removed} fewer"
    words = f"{operation} of {where}, {_shape(after)}\n{removed} ({percent(1 - left / cells)})"
    if any(partial):
        words += f"\n{_CUT_AXES[partial]} of cut windows (orange)"
    return Step(name, "pooling", words, after, partial)


def _partial(module: Any, before: Tensor) -> tuple[bool, bool]:
    """Whether the last window along each axis extends beyond the map and its padding (ceil_mode)."""
    if not getattr(module, "ceil_mode", False):
        return False, False
    cut = []
    for axis, side in enumerate(before.shape[-2:]):
        k, s, p = (_axis(getattr(module, name), axis) for name in ("kernel_size", "stride", "padding"))
        windows = -(-(side + 2 * p - k) // s) + 1
        if (windows - 1) * s >= side + p:  # torch drops windows that start beyond the map
            windows -= 1
        cut.append((windows - 1) * s + k > side + 2 * p)
    return cut[0], cut[1]


def _axis(value: int | Sequence[int], axis: int) -> int:
    return value if isinstance(value, int) else value[axis]


def _shape(x: Tensor) -> str:
    return f"{x.shape[0]} x {x.shape[1]}x{x.shape[2]}" if x.dim() == 3 else f"{x.numel()} numbers"


_CUT_AXES = {(True, True): "last row and column", (True, False): "last row", (False, True): "last column"}


def _votes(layer: nn.Linear, inputs: Tensor, before: list[Step]) -> Votes:
    weight = layer.weight.detach().float().cpu()
    bias = torch.zeros(len(weight)) if layer.bias is None else layer.bias.detach().float().cpu()
    return Votes(weight * inputs, bias, _sources(before, inputs.numel()))


def _sources(before: list[Step], count: int) -> list[str]:
    """Names of a vector's elements: channel and position if it is a flattened map, else the unit's index."""
    effective = [step for step in before if step.kind != "nothing"]
    if effective[-1].kind == "flatten" and effective[-2].output.dim() == 3 and effective[-2].output.numel() == count:
        c, h, w = effective[-2].output.shape
        if h * w == 1:
            return [f"channel {i}" for i in range(c)]
        return [f"channel {i}, row {j}, col {k}" for i in range(c) for j in range(h) for k in range(w)]
    return [f"unit {i}" for i in range(count)]
