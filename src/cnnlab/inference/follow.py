"""One picture on its way through a network: what each layer makes of it, and how the classes are voted for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.networks.trace import hooked, mode


@dataclass(frozen=True)
class Step:
    """What a layer returned for one picture: (C, H, W), or (F,) when flat.

    `kind` is "input", "convolution", "activation", "pooling", "flatten", "full connection", "nothing" for what
    leaves the picture as it is, or the module's class. `partial`: the last row, the last column come from
    pooling windows that the border cuts.
    """

    name: str
    kind: str
    words: str
    output: Tensor
    partial: tuple[bool, bool] = (False, False)


@dataclass(frozen=True)
class Votes:
    """The last full connection taken apart: logit_k = bias_k + sum over i of contributions[k, i].

    `contributions`: (classes, F), weight times input. `sources`: where each of the F inputs comes from.
    """

    contributions: Tensor
    bias: Tensor
    sources: list[str]

    def strongest(self, k: int, count: int) -> list[tuple[str, float]]:
        """The `count` contributions to class k of the largest magnitude, for and against, the largest first."""
        votes = self.contributions[k]
        order = votes.abs().argsort(descending=True, stable=True)[:count].tolist()
        return [(self.sources[i], float(votes[i])) for i in order]


@dataclass(frozen=True)
class Journey:
    """`steps` in the order of execution, the input first; `votes` None where no full connection comes last."""

    steps: list[Step]
    logits: Tensor
    votes: Votes | None


def follow(network: nn.Module, x: Tensor) -> Journey:
    """Send one normalized picture `x` (1, C, H, W) through the network in evaluation mode; keep what layers return.

    Layers are modules without children, whatever the network; what happens between them is not seen.
    """
    channels, height, width = x.shape[1:]
    steps = [Step("input", "input", f"{channels} x {height}x{width}, normalized", _kept(x))]
    last: Tensor = x
    full: tuple[nn.Linear, Tensor, int] | None = None

    def note(name: str, module: nn.Module, inputs: tuple, output: Any) -> None:
        nonlocal last, full
        if not isinstance(output, Tensor) or not inputs or not isinstance(inputs[0], Tensor):
            return
        # An in-place layer has overwritten its input by now; the copy of the step before still has it.
        before = steps[-1].output if inputs[0] is last else _kept(inputs[0])
        if isinstance(module, nn.Linear) and output.dim() == 2:
            full = (module, before, len(steps))
        steps.append(_step(name, module, before, _kept(output)))
        last = output

    with mode(network, training=False), hooked(network, note), torch.no_grad():
        logits = network(x)
    ended = full is not None and last is logits and all(step.kind == "nothing" for step in steps[full[2] + 1 :])
    votes = _votes(full[0], full[1], steps[: full[2]]) if full is not None and ended else None
    return Journey(steps, _kept(logits), votes)


def _kept(x: Tensor) -> Tensor:
    return x[0].detach().float().cpu().clone()


def _step(name: str, module: nn.Module, before: Tensor, after: Tensor) -> Step:
    for kinds, kind, tell in _TELLERS:
        if isinstance(module, kinds):
            partial = _partial(module, before) if kind == "pooling" else (False, False)
            words = tell(module, before, after)
            if any(partial):
                words += f"\n{_AXES[partial]} of cut windows (orange)"
            return Step(name, kind, words, after, partial)
    return Step(name, type(module).__name__, f"{type(module).__name__}, {_shape(after)}", after)


def _convolution(module: Any, before: Tensor, after: Tensor) -> str:
    k, s = module.kernel_size, module.stride
    stride = f", stride {s[0]}" if s != (1, 1) else ""
    frozen = "" if module.weight.requires_grad else ", frozen"
    return f"convolution {k[0]}x{k[1]}{stride}{frozen},\n{_shape(after)}"


def _activation(module: nn.Module, before: Tensor, after: Tensor) -> str:
    cells = after.numel()
    kind = type(module).__name__
    if isinstance(module, nn.Tanh | nn.Sigmoid):
        low = -1.0 if isinstance(module, nn.Tanh) else 0.0
        full = int(((after - low < 0.01 * (1 - low)) | (1 - after < 0.01 * (1 - low))).sum())
        return f"{kind}: {full} of {cells} cells\nsaturated ({full / cells:.0%})"
    cut = int(((after == 0) & (before != 0)).sum())
    if cut:
        return f"{kind} cut {cut} of {cells}\ncells to 0 ({cut / cells:.0%})"
    below = int((before < 0).sum())
    return f"{kind}: {below} of {cells} cells\nwere below 0 ({below / cells:.0%})"


def _pooling(module: nn.Module, before: Tensor, after: Tensor) -> str:
    cells, left = before[0].numel(), after[0].numel()
    dropped = f"{cells - left} of {cells} cells a channel"
    kind = type(module).__name__.lower()
    if "max" in kind:
        return f"largest of each window, {_shape(after)}\ndropped {dropped} ({1 - left / cells:.0%})"
    how = "sum" if getattr(module, "divisor_override", None) == 1 else "mean"
    where = "each channel" if "adaptive" in kind and left == 1 else "each window"
    return f"{how} of {where}, {_shape(after)}\n{dropped} fewer ({1 - left / cells:.0%})"


def _partial(module: Any, before: Tensor) -> tuple[bool, bool]:
    """Whether the last window of each axis reaches beyond the map and its padding (ceil_mode)."""
    if not getattr(module, "ceil_mode", False):
        return False, False
    cut = []
    for axis, side in enumerate(before.shape[-2:]):
        k, s, p = (_axis(getattr(module, name), axis) for name in ("kernel_size", "stride", "padding"))
        windows = -(-(side + 2 * p - k) // s) + 1
        if (windows - 1) * s >= side + p:  # torch starts no window beyond the map
            windows -= 1
        cut.append((windows - 1) * s + k > side + 2 * p)
    return cut[0], cut[1]


def _axis(value: int | Sequence[int], axis: int) -> int:
    return value if isinstance(value, int) else value[axis]


def _shape(x: Tensor) -> str:
    return f"{x.shape[0]} x {x.shape[1]}x{x.shape[2]}" if x.dim() == 3 else f"{x.numel()} numbers"


_AXES = {(True, True): "last row and column", (True, False): "last row", (False, True): "last column"}
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
_ACTIVATIONS = (
    *(nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.ReLU6, nn.PReLU, nn.ELU, nn.CELU, nn.SELU),
    *(nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Softsign),
)
_NOTHING = (nn.Identity, nn.Dropout, nn.Dropout2d, nn.AlphaDropout)
_TELLERS: list[tuple[tuple[type, ...], str, Callable[[Any, Tensor, Tensor], str]]] = [
    ((nn.Conv2d,), "convolution", _convolution),
    (_ACTIVATIONS, "activation", _activation),
    (_POOLS, "pooling", _pooling),
    ((nn.BatchNorm2d,), "norm", lambda m, a, b: "each channel less its mean, divided\nby its deviation (of training)"),
    ((nn.ZeroPad2d,), "padding", lambda m, a, b: f"zeros around, {_shape(b)}"),
    ((nn.Flatten,), "flatten", lambda m, a, b: f"{_shape(a)} in one row:\n{_shape(b)}"),
    ((nn.Linear,), "full connection", lambda m, a, b: f"{a.numel()} to {_shape(b)}"),
    (_NOTHING, "nothing", lambda m, a, b: "changes nothing here"),
]


def _votes(layer: nn.Linear, inputs: Tensor, before: list[Step]) -> Votes:
    weight = layer.weight.detach().float().cpu()
    bias = torch.zeros(len(weight)) if layer.bias is None else layer.bias.detach().float().cpu()
    return Votes(weight * inputs, bias, _sources(before, inputs.numel()))


def _sources(before: list[Step], count: int) -> list[str]:
    """Names of a vector's elements: the map's channel and place right after flattening, else the unit's number."""
    behind = [step for step in before if step.kind != "nothing"]
    if behind[-1].kind == "flatten" and behind[-2].output.dim() == 3 and behind[-2].output.numel() == count:
        c, h, w = behind[-2].output.shape
        if h * w == 1:
            return [f"channel {i}" for i in range(c)]
        return [f"channel {i}, row {j}, col {k}" for i in range(c) for j in range(h) for k in range(w)]
    return [f"unit {i}" for i in range(count)]
