"""Probe: measures every layer of any `nn.Module` during chosen training steps, and no other.

probe = cnnlab.Probe(network)
with probe.watch():
    loss = criterion(network(x), y); loss.backward(); optimizer.step()
print(probe.read())
print(probe.diagnose())
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from math import inf, isfinite
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from cnnlab.diagnosis import Diagnosis
from cnnlab.networks.layers import weight_layers, weight_of
from cnnlab.telemetry import statistics as s
from cnnlab.telemetry.attribution import Attribution, Function
from cnnlab.telemetry.inspection import context_of

Statistics = Mapping[str, Mapping[str, Callable[..., Tensor]]]
STATISTICS: Statistics = {
    "preactivation": {"mean": s.mean, "std": s.std, "largest": s.largest, "nonfinite": s.nonfinite},
    "activation": {
        **{"mean": s.mean, "std": s.std, "zeros": s.zeros, "dead": s.dead},
        **{"largest": s.largest, "nonfinite": s.nonfinite},
    },
    "saturation": {"share": s.saturated},
    "gradient": {"mean": s.mean, "std": s.std, "nonfinite": s.nonfinite},
    "weight": {
        **{"std": s.weight_std, "gradient_std": s.weight_gradient_std},
        **{"update_ratio": s.update_ratio, "distinct": s.distinct},
    },
}


class Probe:
    """Statistics by layer under the keys `<what>/<statistic>/<layer>`, `layer` as in `weight_layers`.

    `statistics`: {what: {statistic: function}}, as in `configs/telemetry`. `images`: look at the first so many images
    of a batch (None: all). "preactivation" is what the layer's activation gets, or the layer's own output where none
    can be attributed to it; "gradient" is that of the loss with respect to it. A layer that runs again in one step
    has further keys, `<layer>.call2`, `<layer>.call3`. Watching changes no number of the training: hooks read, and
    nothing random is drawn.
    """

    def __init__(self, network: nn.Module, statistics: Statistics = STATISTICS, images: int | None = None):
        self.network, self.statistics, self.images = network, statistics, images
        self.values: dict[str, Tensor] = {}  # of the last watched step, still on the device
        self.unmeasured: dict[str, str] = {}  # of the last watched step: layer -> why nothing, or not all, is known
        self._history: list[tuple[tuple[str, ...], Tensor]] = []  # of all watched steps, a tensor each
        self._bounds: dict[Any, tuple[float, float]] = {}

    @property
    def layers(self) -> dict[str, nn.Module]:
        return weight_layers(self.network)

    @contextmanager
    def watch(self, gradient_scale: Tensor | None = None) -> Iterator[MutableMapping[str, Tensor]]:
        """Measure the one training step inside. `gradient_scale`: what a GradScaler multiplied the loss by, if any.

        Yields the mapping that is filled, to which 0-d tensors may be added, e.g. `seen["train/loss"] = loss`.
        """
        self.values = {}
        layers = self.layers
        if not any(self.statistics.values()):
            yield self.values
            return
        before = {} if not self.statistics.get("weight") else _copies(layers)
        watched = _Watched(self, layers, gradient_scale)
        try:
            with watched.attribution:
                yield self.values
        finally:
            watched.remove()
        self._measure_weights(layers, before)
        self.unmeasured = watched.unmeasured(before)
        if self.values:
            self._history.append((tuple(self.values), torch.stack([*self.values.values()])))

    def read(self, extra: Mapping[str, Tensor] | None = None) -> dict[str, float]:
        """The last watched step's statistics and the 0-d tensors of `extra`, in one transfer from the device."""
        tensors = {**(extra or {}), **self.values}
        if not tensors:
            return {}
        with torch.inference_mode():
            values = torch.stack([*tensors.values()]).tolist()
        return dict(zip(tensors, values, strict=True))

    def diagnose(self, optimizer: Optimizer | None = None, classes: int | None = None) -> Diagnosis:
        """What the watched steps say is wrong, worded as torch code; printed, what to fix first stands first.

        What the network and `optimizer` cannot tell (the initializer, the data) is not guessed. With
        `seen["train/loss"]` and `seen["train/accuracy"]` set in each watched step, and `classes`, whether anything is
        learned is judged, too.
        """
        rows = [
            {"step": step, **dict(zip(keys, values.tolist(), strict=True))}
            for step, (keys, values) in enumerate(self._history)
        ]
        return Diagnosis.of(rows, context_of(self.network, optimizer, classes))

    @torch.inference_mode()
    def measure(self, what: str, layer: str, x: Tensor, *bounds: float, scale: Tensor | None = None) -> None:
        with torch._C.DisableTorchFunction():  # the attribution has nothing to learn from what is done here
            x = x.detach()[: self.images].float()
            if scale is not None:
                x = x / scale
            for name, statistic in self.statistics.get(what, {}).items():
                self.values[f"{what}/{name}/{layer}"] = statistic(x, *bounds)

    def forget(self, layer: str, *whats: str) -> None:
        for what in whats:
            for name in self.statistics.get(what, {}):
                self.values.pop(f"{what}/{name}/{layer}", None)

    def bounds(self, function: Function, arguments: tuple[tuple, dict]) -> tuple[float, float] | None:
        """The function's values at -infinity and infinity, (-1, 1) for tanh; None unless both are finite."""
        rest, named = arguments
        if any(isinstance(value, Tensor) for value in (*rest, *named.values())):
            return None
        key = (function, rest, tuple(named.items()))
        if key not in self._bounds:
            with torch.no_grad():
                low, high = function(torch.tensor([-inf, inf]), *rest, **named).tolist()
            self._bounds[key] = (low, high)
        low, high = self._bounds[key]
        return (low, high) if isfinite(low) and isfinite(high) and low < high else None

    @torch.inference_mode()
    def _measure_weights(self, layers: Mapping[str, nn.Module], before: Mapping[str, Tensor]) -> None:
        for layer, old in before.items():
            weight = weight_of(layers[layer])
            if weight is None:
                continue
            new, gradient = weight.detach().float(), torch.zeros_like(old) if weight.grad is None else weight.grad
            update = new - old.float()
            for name, statistic in self.statistics["weight"].items():
                self.values[f"weight/{name}/{layer}"] = statistic(new, gradient.float(), update)


class _Watched:
    """The hooks of one watched step."""

    def __init__(self, probe: Probe, layers: Mapping[str, nn.Module], gradient_scale: Tensor | None):
        self.probe, self.scale = probe, gradient_scale
        self.attribution = Attribution(self)
        self.calls: Counter[str] = Counter()
        self.gradients: dict[str, RemovableHandle] = {}
        self.channels_last: set[str] = set()
        self.layers = layers
        self.handles = [
            module.register_forward_hook(self._ran(layer))
            for layer, module in layers.items()
            if not isinstance(module, nn.MultiheadAttention)
        ]
        names = {module: layer for layer, module in layers.items()}
        for module in self.probe.network.modules():
            if isinstance(module, nn.MultiheadAttention):
                # It uses its out_proj's weights without calling it; what it returns is that layer's output.
                self.handles.append(module.register_forward_hook(self._ran(names[module.out_proj])))

    def remove(self) -> None:
        for handle in (*self.handles, *self.gradients.values()):
            handle.remove()

    def unmeasured(self, before: Mapping[str, Tensor]) -> dict[str, str]:
        reasons = {}
        for layer, module in self.layers.items():
            if isinstance(module, nn.MultiheadAttention):
                reasons[layer] = "its output stays inside the attention; only its weights are measured"
            elif not self.calls[layer]:
                reasons[layer] = "it did not run"
            elif layer not in before and self.probe.statistics.get("weight"):
                reasons[layer] = "its weights are computed from other parameters, or had no shape yet"
        return reasons

    def _ran(self, layer: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            output = output[0] if isinstance(output, tuple) else output
            if not isinstance(output, Tensor):
                return
            key = self._key(layer)
            if key is None:
                return
            if isinstance(module, nn.Linear | nn.Bilinear | nn.MultiheadAttention) and output.dim() > 2:
                self.channels_last.add(key)
            self._preactivation(key, output)
            self.attribution.own(key, output)

        return hook

    def _key(self, layer: str) -> str | None:
        """The key of this call; None for one that is not to be measured."""
        if torch._C._current_graph_task_id() != -1:
            # Activation checkpointing runs layers again during the backward pass. What had no gradient the first time
            # has one now; but which call of a layer that runs several times this is cannot be told.
            return layer if self.calls[layer] == 1 and layer not in self.gradients else None
        self.calls[layer] += 1
        return layer if self.calls[layer] == 1 else f"{layer}.call{self.calls[layer]}"

    def _preactivation(self, layer: str, x: Tensor) -> None:
        self._measure("preactivation", layer, x)
        if layer in self.gradients:
            self.gradients.pop(layer).remove()
        if x.requires_grad and self.probe.statistics.get("gradient"):
            self.gradients[layer] = x.register_hook(
                lambda gradient: self._measure("gradient", layer, gradient, scale=self.scale)
            )

    def _measure(self, what: str, layer: str, x: Tensor, *bounds: float, scale: Tensor | None = None) -> None:
        if layer in self.channels_last:
            x = x.movedim(-1, 1)  # units come second: (N, positions, units) -> (N, units, positions)
        self.probe.measure(what, layer, x, *bounds, scale=scale)

    def carried_to_activation(self, layer: str, x: Tensor) -> None:
        self._preactivation(layer, x)

    def activation_ran(self, layer: str, function: Function, arguments: tuple[tuple, dict], y: Tensor) -> None:
        self._measure("activation", layer, y)
        bounds = self.probe.bounds(function, arguments)
        if bounds is not None:
            self._measure("saturation", layer, y, *bounds)

    def activation_is_ambiguous(self, layer: str) -> None:
        self.probe.forget(layer, "activation", "saturation")


def _copies(layers: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    weights = {layer: weight_of(module) for layer, module in layers.items()}
    return {layer: weight.detach().clone() for layer, weight in weights.items() if weight is not None}
