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
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.nn.modules.conv import _ConvNd
from torch.utils.hooks import RemovableHandle

from cnnlab.networks.layers import bias_of, is_spread
from cnnlab.networks.trace import eager
from cnnlab.telemetry.attribution import Attribution, Function, Units
from cnnlab.telemetry.derived import Group, Step
from cnnlab.telemetry.foreign_weights import ForeignWeights
from cnnlab.telemetry.givers import Givers
from cnnlab.telemetry.gradient_hook import on_gradient
from cnnlab.telemetry.weight_updates import WeightUpdates

SPREAD = "its weights are spread over processes (FSDP), and not measured"
COMPUTED = "its weights are computed from other parameters, or had no shape yet"
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
    `turning`: those that once were, and later were not. `intact`: as in WeightUpdates.
    """

    bounds: dict[Any, tuple[float, float]] = field(default_factory=dict)
    carried: set[str] = field(default_factory=set)
    turning: set[str] = field(default_factory=set)
    intact: set[str] = field(default_factory=set)


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
        foreign: ForeignWeights | None = None,
    ):
        self.network, self.layers, self.calling, self.groups, self.images = network, layers, calling, groups, images
        self.scale, self.rows = scale, rows
        self.step = Step()
        self._known = known
        self._attribution = Attribution(self, foreign)
        self._calls: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._gradients: dict[str, list[RemovableHandle]] = {}
        # Where the pre-activation is not the layer's output: what was found of the output, if measured, by layer.
        self._carried: dict[str, list[Any] | None] = {}
        self.batches: dict[str, int] = {}  # by layer: the images in its output
        self._backward: Counter[str] = Counter()  # passes that reached a layer's output
        self._over = False  # also for hooks that a copy of the network, made meanwhile, has kept
        self._reasons: dict[str, str] = {}  # by layer: why it is not, or not fully, measured
        self._weights = WeightUpdates(layers if self.groups.get("weight") else {}, known.intact)
        self.types: set[torch.dtype] = set()  # of the layers' outputs
        self._behind_softmax: set[str] = set()  # layers whose input is what a softmax gave
        self.with_graph: set[str] = set()  # layers that ran where gradients are wanted
        self.cross_entropy: Tensor | None = None  # mean over the images, of the first that was computed
        self._givers = Givers()
        self._giving: set[str] = set()  # the layers of which "output" is made
        self._measure_biases()

    @contextmanager
    def running(self) -> Iterator[None]:
        handles = [
            module.register_forward_hook(self._forward_hook(layer), with_kwargs=True)
            for layer, module in self.calling.items()
        ]
        handles += [self.network.register_forward_hook(self._output), *self._weights.listen()]
        try:
            with eager(), self._attribution:
                yield
        finally:
            self._over = True
            for handle in chain(handles, *self._gradients.values()):
                handle.remove()
            missed = self._known.carried & self.batches.keys() - self._carried.keys()
            self._known.turning |= missed
            self._known.carried = (self._known.carried | self._carried.keys()) - self._known.turning
            self._reasons |= dict.fromkeys(missed, "its output went another way than in the step before")
            if self._giving - {max(self._calls, default="")}:  # else it is the layer that was defined last, as usual
                self.step.more |= {f"output/given_by/{layer}": torch.tensor(1.0) for layer in sorted(self._giving)}
            if self._behind_softmax:
                self.step.more["network/behind_softmax"] = torch.tensor(float(len(self._behind_softmax)))

    @torch.inference_mode()
    def measure_weights(self) -> None:
        for layer in self._weights.before:
            if (found := self._weights.of(layer)) is not None:
                self._apply("weight", layer, *found)
        reason = "its weights' gradient was cleared, or something else changed them"
        self._reasons |= dict.fromkeys(self._weights.lost, reason)

    @torch.inference_mode()
    def _measure_biases(self) -> None:
        """As they are in this step's forward pass."""
        for layer, module in self.layers.items() if self.groups.get("bias") else ():
            bias = bias_of(module)
            if bias is not None and not nn.parameter.is_lazy(bias) and not bias.is_complex():
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
                used = any(id(parameter) in self._attribution.used for parameter in module.parameters())
                reasons[layer] = "its weights went to a function, without the layer" if used else "it did not run"
            elif layer not in self._weights.before and self.groups.get("weight"):
                spread = any(map(is_spread, module.parameters()))
                reasons[layer] = SPREAD if spread else COMPUTED
        return reasons | self._reasons

    def _forward_hook(self, layer: str) -> Callable[..., None]:
        units_last = isinstance(self.layers[layer], nn.Linear | nn.Bilinear | nn.MultiheadAttention)

        def hook(module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
            if self._over:
                return
            self.with_graph |= {layer} if torch.is_grad_enabled() else set()
            output = output[0] if isinstance(output, tuple) else output
            key = self._key(layer) if isinstance(output, Tensor) else None
            if key is None:
                return
            with torch._C.DisableTorchFunction():  # not to be seen by the attribution
                if reason := _unfit(module, output):
                    self._reasons[key] = reason
                    return
                given = args[0] if args else next(iter(kwargs.values()), None)
                # Behind a layer that gets no image, as of a noise vector or a time, an image has no history.
                if isinstance(given, Tensor) and (self._calls.total() == 1 or given.grad_fn is None):
                    self._whole("images", given, dimensions=4)
                if self._attribution.is_softmax(given):
                    self._behind_softmax.add(layer)
                axis = output.dim() - 1 if units_last else 1
                units = Units(axis, output.shape[axis])
                self.batches[key] = len(output)
                self.types.add(output.dtype)
                self._givers.made(layer, output)
                # In a recomputation, `_carried` knows it of this step.
                if key not in self._known.carried and key not in self._carried:
                    self._preactivation(key, output, units)
                self._attribution.own(key, output, units)

        return hook

    def loss_gets(self, x: Tensor, mistakes: Mapping[str, Tensor], mean: Tensor | None) -> None:
        self.step.more |= {f"loss/{mistake}": made for mistake, made in mistakes.items()}
        self.cross_entropy = mean if self.cross_entropy is None else self.cross_entropy
        self._output(self.network, (), x)  # of a network that returns a dict, or whose layers the loop calls

    def _output(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and not (self._over or is_functorch_wrapped_tensor(output)):
            with torch._C.DisableTorchFunction():
                if self._whole("output", output, dimensions=2):
                    self._giving = self._givers.of(output)

    def _whole(self, what: str, x: Tensor, dimensions: int) -> bool:
        """Statistics that belong to no layer: of the first tensor in this step that is offered as `what`."""
        fits = x.dim() == dimensions and x.is_floating_point() and x.numel() > 0
        if what in self._seen or not fits or not self.groups.get(what):
            return False
        self._seen.add(what)
        with torch._C._InferenceMode(True):
            self._apply(what, "", self.rows(x, self.images, what).float())
        return True

    def _key(self, layer: str) -> str | None:
        """The key of this call; None if it is not to be measured."""
        if torch._C._current_graph_task_id() != -1:
            # Activation checkpointing reruns layers during the backward pass, where outputs that had no gradient have
            # one. For a layer that runs several times, which call this is cannot be told.
            if self._calls[layer] > 1 and layer not in self._gradients:
                self._reasons[layer] = "it ran several times, and once more in the backward pass"
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
                    self._backward[layer] += not torch.is_grad_enabled()  # else it is to be differentiated once more
                    if self._backward[layer] > 1:  # the loss's gradient is their sum
                        self.step.found.pop(("gradient", layer), None)
                        self._reasons[layer] = "several backward passes reached its output"
                        return
                    self._measure("gradient", layer, gradient if self.scale is None else gradient / self.scale, units)

            self._gradients.setdefault(layer, []).append(on_gradient(x, measure))

    def _measure(self, what: str, layer: str, x: Tensor, units: Units, *bounds: float) -> None:
        if not self.groups.get(what):
            return
        # Behind flatten(0, 1) an image has several rows.
        first = None if self.images is None else self.images * len(x) // self.batches[layer]
        # No statistic is part of a graph. torch.inference_mode() is the same, and takes longer than a reduction.
        with torch._C._InferenceMode(True):
            self._apply(what, layer, units.second(self.rows(x, first, f"{what}/{layer}").float()), *bounds)

    def _apply(self, what: str, layer: str, *arguments: Any) -> None:
        self.step.found[what, layer] = self.groups[what](*arguments)

    def carried_to_activation(self, layer: str, x: Tensor, units: Units) -> None:
        if layer not in self._carried:
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


def _unfit(layer: nn.Module, output: Tensor) -> str | None:
    """Why no statistic tells anything of a layer's output."""
    single = len(layer.kernel_size) + 1 if isinstance(layer, _ConvNd) else 1  # dimensions of one image's
    if not output.numel():
        return "its batch was empty"
    if output.is_complex():
        return "its numbers are complex"
    if is_functorch_wrapped_tensor(output):
        return "it ran inside torch.func, as under vmap"
    return "it got one image without a batch" if output.dim() == single else None
