"""One watched step: hooks on the layers, and their measurements."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from math import inf, isfinite
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from cnnlab.networks.layers import bias_of, weight_of
from cnnlab.telemetry.attribution import Attribution, Function, Units
from cnnlab.telemetry.derived import Group, Step
from cnnlab.telemetry.stepping import Stepping

Rows = Callable[[Tensor, int | None, str], Tensor]  # x (N, ...), how many rows (None: all), a name -> those rows


def first_rows(x: Tensor, first: int | None, name: str) -> Tensor:
    return x[:first]


def calling(network: nn.Module, layers: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """The modules that return the layers' outputs."""
    names = {module: layer for layer, module in layers.items()}
    found = {}
    for module in network.modules():
        if isinstance(module, nn.MultiheadAttention):
            found[names[module.out_proj]] = module  # it applies out_proj's weights without calling it
        elif module in names:
            found.setdefault(names[module], module)
    return found


@dataclass
class Known:
    """What watched steps show of those that follow.

    `bounds`: of activation functions, by function and arguments. `carried`: layers whose pre-activation was not their
    output. Their output is not measured first, in case it is: that is half of what layers with batch norm cost.
    """

    bounds: dict[Any, tuple[float, float]] = field(default_factory=dict)
    carried: set[str] = field(default_factory=set)


class Watched:
    """Fills `step` inside `running()` and in `measure_weights`.

    `known`: what earlier steps showed. `scale`: loss scale, if any.
    """

    def __init__(
        self,
        network: nn.Module,
        layers: Mapping[str, nn.Module],
        calling: Mapping[str, nn.Module],
        groups: Mapping[str, Group],
        images: int | None,
        known: Known,
        scale: Tensor | None,
        rows: Rows = first_rows,
    ):
        self.network, self.layers, self.calling, self.groups, self.images = network, layers, calling, groups, images
        self.scale, self.rows = scale, rows
        self.step = Step()
        self._known = known
        self._attribution = Attribution(self)
        self._calls: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._gradients: dict[str, list[RemovableHandle]] = {}
        # Where the pre-activation is not the layer's output: what was found of the output, if measured, by layer.
        self._carried: dict[str, list[Any] | None] = {}
        self._missed: set[str] = set()  # expected to be such, and were not
        self._batches: dict[str, int] = {}  # by layer: the images in its output
        self.types: set[torch.dtype] = set()  # of the layers' outputs
        self._behind_softmax: set[str] = set()  # layers whose input is what a softmax gave
        weights = {layer: weight for layer, module in layers.items() if (weight := weight_of(module)) is not None}
        copied = weights if self.groups.get("weight") else {}
        self._before = {layer: weight.detach().clone() for layer, weight in copied.items()}
        self.stepping = Stepping(weights)
        self._measure_biases()

    @contextmanager
    def running(self) -> Iterator[None]:
        handles = [module.register_forward_hook(self._forward_hook(layer)) for layer, module in self.calling.items()]
        handles.append(self.network.register_forward_hook(self._output))
        try:
            with self._attribution, self.stepping:
                yield
        finally:
            for handle in chain(handles, *self._gradients.values()):
                handle.remove()
            self._missed = self._known.carried & self._batches.keys() - self._carried.keys()
            self._known.carried = self._known.carried - self._missed | self._carried.keys()
            if self._behind_softmax:
                self.step.more["network/behind_softmax"] = torch.tensor(float(len(self._behind_softmax)))

    @torch.inference_mode()
    def measure_weights(self) -> None:
        for layer, old in self._before.items():
            weight = weight_of(self.layers[layer])
            if weight is None:
                continue
            gradient = self.stepping.gradients.get(layer) if weight.grad is None else weight.grad
            new, gradient = weight.detach().float(), torch.zeros_like(old) if gradient is None else gradient
            self._apply("weight", layer, new, gradient.float(), new - old.float())

    @torch.inference_mode()
    def _measure_biases(self) -> None:
        """As they are in this step's forward pass."""
        for layer, module in self.layers.items() if self.groups.get("bias") else ():
            if (bias := bias_of(module)) is not None and not nn.parameter.is_lazy(bias):
                self._apply("bias", layer, bias.float())

    @property
    def activations(self) -> set[str]:
        """Names, as in ACTIVATIONS, of those that ran."""
        return self._attribution.activations

    def unmeasured(self) -> dict[str, str]:
        """Layer -> why it was not, or not fully, measured."""
        reasons = {}
        for layer, module in self.layers.items():
            if isinstance(module, nn.MultiheadAttention):
                reasons[layer] = "its output stays inside the attention; only its weights are measured"
            elif not self._calls[layer]:
                reasons[layer] = "it did not run"
            elif layer not in self._before and self.groups.get("weight"):
                reasons[layer] = "its weights are computed from other parameters, or had no shape yet"
        return reasons | dict.fromkeys(self._missed, "its output went another way than in the step before")

    def _forward_hook(self, layer: str) -> Callable[..., None]:
        units_last = isinstance(self.layers[layer], nn.Linear | nn.Bilinear | nn.MultiheadAttention)

        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            output = output[0] if isinstance(output, tuple) else output
            key = self._key(layer) if isinstance(output, Tensor) else None
            if key is None:
                return
            with torch._C.DisableTorchFunction():  # not to be seen by the attribution
                if inputs and isinstance(inputs[0], Tensor):
                    self._whole("images", inputs[0], dimensions=4)
                    if self._attribution.is_softmax(inputs[0]):
                        self._behind_softmax.add(layer)
                axis = output.dim() - 1 if units_last else min(1, output.dim() - 1)
                units = Units(axis, output.shape[axis])
                self._batches[key] = len(output)
                self.types.add(output.dtype)
                if key in self._known.carried:
                    self.step.found.pop(("preactivation", key), None)  # of the run before a recomputation
                else:
                    self._preactivation(key, output, units)
                self._attribution.own(key, output, units)

        return hook

    def _output(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            with torch._C.DisableTorchFunction():
                self._whole("output", output, dimensions=2)

    def _whole(self, what: str, x: Tensor, dimensions: int) -> None:
        """Statistics that belong to no layer: of the first tensor in this step that is offered as `what`."""
        if what not in self._seen and x.dim() == dimensions and x.is_floating_point() and self.groups.get(what):
            self._seen.add(what)
            with torch._C._InferenceMode(True):
                self._apply(what, "", self.rows(x, self.images, what).float())

    def _key(self, layer: str) -> str | None:
        """The key of this call; None if it is not to be measured."""
        if torch._C._current_graph_task_id() != -1:
            # Activation checkpointing reruns layers during the backward pass, where outputs that had no gradient have
            # one. For a layer that runs several times, which call this is cannot be told.
            return layer if self._calls[layer] == 1 and layer not in self._gradients else None
        self._calls[layer] += 1
        return layer if self._calls[layer] == 1 else f"{layer}.call{self._calls[layer]}"

    def _preactivation(self, layer: str, x: Tensor, units: Units, carried: bool = False) -> None:
        self._measure("preactivation", layer, x, units)
        if x.requires_grad and self.groups.get("gradient"):

            def measure(gradient: Tensor) -> None:
                with torch._C.DisableTorchFunction():
                    if carried != (layer in self._carried):
                        return
                    self._measure("gradient", layer, gradient if self.scale is None else gradient / self.scale, units)

            self._gradients.setdefault(layer, []).append(x.register_hook(measure))

    def _measure(self, what: str, layer: str, x: Tensor, units: Units, *bounds: float) -> None:
        if not self.groups.get(what):
            return
        # Behind flatten(0, 1) an image has several rows.
        first = None if self.images is None else self.images * len(x) // self._batches[layer]
        # No statistic is part of a graph. torch.inference_mode() is the same, and takes longer than a reduction.
        with torch._C._InferenceMode(True):
            self._apply(what, layer, units.second(self.rows(x, first, f"{what}/{layer}").float()), *bounds)

    def _apply(self, what: str, layer: str, *arguments: Any) -> None:
        self.step.found[what, layer] = self.groups[what](*arguments)

    def carried_to_activation(self, layer: str, x: Tensor, units: Units) -> None:
        self._carried[layer] = self.step.found.pop(("preactivation", layer), None)
        self._preactivation(layer, x, units, carried=True)

    def activation_ran(
        self, layer: str, function: Function, arguments: tuple[tuple, dict], y: Tensor, units: Units
    ) -> None:
        self._measure("activation", layer, y, units)
        if self.groups.get("saturation"):
            low, high = self._bounds_of(function, *arguments)
            if isfinite(low) and isfinite(high) and low < high:
                self._measure("saturation", layer, y, units, low, high)

    def activation_is_ambiguous(self, layer: str) -> None:
        for what in ("activation", "saturation"):
            self.step.found.pop((what, layer), None)
        if layer in self._carried:
            self.step.found.pop(("preactivation", layer), None)
            if (output := self._carried.pop(layer)) is not None:
                self.step.found["preactivation", layer] = output

    def _bounds_of(self, function: Function, rest: tuple, named: dict) -> tuple[float, float]:
        """The function's values at -infinity and infinity, (-1, 1) for tanh, (0, inf) for relu."""
        if any(isinstance(value, Tensor) for value in (*rest, *named.values())):
            return -inf, inf
        key, bounds = (function, rest, tuple(named.items())), self._known.bounds
        if key not in bounds:
            with torch.no_grad():
                low, high = function(torch.tensor([-inf, inf]), *rest, **named).tolist()
            bounds[key] = (low, high)
        return bounds[key]
