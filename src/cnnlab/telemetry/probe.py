"""Probe: hooks that measure every layer of any `nn.Module` during chosen training steps, and no other.

probe = Probe(network)
with probe.watch():
    loss = criterion(network(x), y); loss.backward(); optimizer.step()
print(probe.read())
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import inf, isfinite
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.networks.layers import weight_layers
from cnnlab.telemetry import statistics as s

# What ends a layer. Everything between a weight and its activation (norm, pooling) belongs to the pre-activation.
ACTIVATION_MODULES = (
    *(nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.Identity, nn.ReLU6, nn.PReLU, nn.ELU, nn.CELU, nn.SELU),
    *(nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Softsign),
)

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
    """Statistics by layer under the keys `<what>/<statistic>/<layer>`.

    `statistics`: {what: {statistic: function}}, as in `configs/telemetry`. `images`: look at the first so
    many images of a batch (None: all). "preactivation" is what the layer's activation module gets, or the
    layer's output where none follows before the next layer; "gradient" is that of the loss with respect to
    it. Watching changes no number of the training: hooks read, and nothing random is drawn.
    """

    def __init__(self, network: nn.Module, statistics: Statistics = STATISTICS, images: int | None = None):
        self.network, self.statistics, self.images = network, statistics, images
        self.layers = weight_layers(network)
        self._bounds: dict[nn.Module, tuple[float, float]] = {
            m: _bounds(m) for m in network.modules() if isinstance(m, ACTIVATION_MODULES)
        }
        self.values: dict[str, Tensor] = {}  # of the last watched step, still on the device
        self._waiting: tuple[str, Tensor] | None = None  # a layer whose output may yet reach an activation
        self._layer: str | None = None  # the layer whose activation is running
        self._scale: Tensor | None = None

    @contextmanager
    def watch(self, gradient_scale: Tensor | None = None) -> Iterator[None]:
        """Measure the one training step inside. `gradient_scale`: what a GradScaler multiplied the loss by, if any."""
        self.values, self._waiting, self._layer, self._scale = {}, None, None, gradient_scale
        if not any(self.statistics.values()):
            yield
            return
        watched = self.layers if self._weights else {}
        before = {key: layer.get_parameter("weight").detach().clone() for key, layer in watched.items()}
        hooks = [m.register_forward_hook(self._layer_ran(key)) for key, m in self.layers.items()]
        for module in self._bounds:
            hooks += [module.register_forward_pre_hook(self._activation_starts)]
            hooks += [module.register_forward_hook(self._activation_ran)]
        hooks += [self.network.register_forward_hook(lambda *_: self._no_activation_follows())]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            self._waiting = None
        self._measure_weights(before)

    def read(self, extra: Mapping[str, Tensor] | None = None) -> dict[str, float]:
        """The last watched step's statistics and the 0-d tensors of `extra`, in one transfer from the device."""
        tensors = {**(extra or {}), **self.values}
        if not tensors:
            return {}
        with torch.inference_mode():
            values = torch.stack([*tensors.values()]).tolist()
        return dict(zip(tensors, values, strict=True))

    @property
    def _weights(self) -> Mapping[str, Callable[..., Tensor]]:
        return self.statistics.get("weight", {})

    def _layer_ran(self, key: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            self._no_activation_follows()
            self._waiting = (key, output)

        return hook

    def _no_activation_follows(self) -> None:
        if self._waiting is not None:
            self._measure_preactivation(*self._waiting)
            self._waiting = None

    def _activation_starts(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if self._waiting is not None:
            # Before the module runs, since an in-place activation overwrites its input.
            self._layer = self._waiting[0]
            self._measure_preactivation(self._layer, inputs[0])
            self._waiting = None

    def _activation_ran(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        if self._layer is not None:
            self._measure("activation", self._layer, output)
            low, high = self._bounds[module]
            if isfinite(low) and isfinite(high):
                self._measure("saturation", self._layer, output, low, high)
            self._layer = None

    def _measure_preactivation(self, key: str, x: Tensor) -> None:
        self._measure("preactivation", key, x)
        if x.requires_grad and self.statistics.get("gradient"):
            x.register_hook(lambda gradient: self._measure("gradient", key, gradient, scale=self._scale))

    @torch.inference_mode()
    def _measure(self, what: str, key: str, x: Tensor, *bounds: float, scale: Tensor | None = None) -> None:
        x = x.detach()[: self.images].float()
        if scale is not None:
            x = x / scale
        for name, statistic in self.statistics.get(what, {}).items():
            self.values[f"{what}/{name}/{key}"] = statistic(x, *bounds)

    @torch.inference_mode()
    def _measure_weights(self, before: dict[str, Tensor]) -> None:
        for key, old in before.items():
            weight = self.layers[key].get_parameter("weight")
            gradient = torch.zeros_like(old) if weight.grad is None else weight.grad
            for name, statistic in self._weights.items():
                self.values[f"weight/{name}/{key}"] = statistic(weight.detach(), gradient, weight.detach() - old)


def _bounds(activation: nn.Module) -> tuple[float, float]:
    """The activation's values at -infinity and +infinity: (-1, 1) for tanh, (0, inf) for ReLU."""
    if any(True for _ in activation.parameters()):
        return -inf, inf
    with torch.no_grad():
        low, high = activation(torch.tensor([-inf, inf])).tolist()
    return low, high
