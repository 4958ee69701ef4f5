"""Weights that get a gradient in a watched step, and are neither the network's nor an optimizer's."""

from weakref import ref

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from cnnlab.telemetry.stepping import MANY, Steps


class ForeignWeights:
    """Tells a layer that is made in `forward()` from another network's: its weights are new ones in every step."""

    def __init__(self, network: nn.Module, optimized: Steps):
        self._own, self._optimized = {id(parameter) for parameter in network.parameters()}, optimized
        self._met: dict[int, ref[nn.Parameter]] = {}  # by id, which a later one may have
        self._steps = self._steps_with_new = 0
        self._new = False
        self._hooks: list[RemovableHandle] = []

    def used(self, weight: nn.Parameter) -> None:
        """A function gets it."""
        key, known = id(weight), self._met.get(id(weight))
        if key in self._own or (known is not None and known() is weight) or not weight.requires_grad:
            return
        if torch.is_grad_enabled() and key not in self._optimized.held:
            self._met[key] = ref(weight)
            self._hooks.append(weight.register_hook(self._arrived))

    def _arrived(self, gradient: torch.Tensor) -> None:
        self._new = True

    def step_done(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._met = {key: weight for key, weight in self._met.items() if weight() is not None}
        self._steps, self._steps_with_new, self._new = self._steps + 1, self._steps_with_new + self._new, False

    @property
    def always_new(self) -> bool:
        """Whether a gradient reached new ones in every one of several watched steps."""
        return self._steps >= MANY and self._steps_with_new == self._steps
