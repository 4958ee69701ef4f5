"""Weights that a network's forward pass uses, that get a gradient, and are not its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import ref

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from cnnlab.telemetry.stepping import MANY


class ForeignWeights:
    """Tells a layer that is made in `forward()` from another network's: its weights are new ones in every step."""

    def __init__(self, network: nn.Module):
        self._network, self._own = network, {id(parameter) for parameter in network.parameters()}
        self._met: dict[int, ref[nn.Parameter]] = {}  # by id, which a later one may have
        self._steps = self._steps_with_new = 0
        self._new = False
        self._inside = 0  # forward passes
        self._given: set[int] = set()  # ids of what they get, as images that are optimized
        self._hooks: list[RemovableHandle] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Around a watched step."""
        network, self._new, self._inside = self._network, False, 0
        self._hooks = [
            network.register_forward_pre_hook(self._begins, with_kwargs=True),
            network.register_forward_hook(self._ends, always_call=True),
        ]
        try:
            yield
        finally:
            for hook in self._hooks:
                hook.remove()
        self._met = {key: weight for key, weight in self._met.items() if weight() is not None}
        self._steps, self._steps_with_new = self._steps + 1, self._steps_with_new + self._new

    def _begins(self, module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        if module is self._network:  # not a copy, which has the hooks as well
            self._inside += 1
            self._given |= {id(x) for x in (*args, *kwargs.values())}

    def _ends(self, module: nn.Module, *_: Any) -> None:
        if module is self._network:
            self._inside -= 1
            self._given.clear()

    def used(self, weight: nn.Parameter) -> None:
        """A function gets it."""
        key, known = id(weight), self._met.get(id(weight))
        if not self._inside or key in self._own or key in self._given or (known is not None and known() is weight):
            return
        if weight.requires_grad and torch.is_grad_enabled():
            self._met[key] = ref(weight)
            self._hooks.append(weight.register_hook(self._arrived))

    def _arrived(self, gradient: torch.Tensor) -> None:
        self._new = True

    @property
    def always_new(self) -> bool:
        """Whether a gradient reached new ones in every one of several watched steps."""
        return self._steps >= MANY and self._steps_with_new == self._steps
