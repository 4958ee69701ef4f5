"""What a watched step does to the weights: their values before it, and the gradients that moved them."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.hooks import RemovableHandle

from cnnlab.networks.layers import weight_of
from cnnlab.networks.trace import version_of


class WeightUpdates:
    """`before`: copies of the weights, by layer. `intact`: layers whose gradient, in the step before, nobody changed
    behind the optimizer's step; of the others a copy is kept. `lost`: those whose gradient was gone when asked for.
    What changes weights in front of the first optimizer's step, as where they are drawn anew, is no part of its update.
    """

    def __init__(self, layers: Mapping[str, nn.Module], intact: set[str]):
        self._layers, self._intact, self.lost = layers, intact, set[str]()
        self._at_step: dict[str, tuple[Tensor, Tensor, int]] = {}  # the gradient, what is kept of it, its version
        weights = {layer: weight_of(module) for layer, module in layers.items()}
        self.before = {k: w.detach().clone() for k, w in weights.items() if w is not None and not w.is_complex()}
        self._versions = {k: version_of(w) for k, w in weights.items() if w is not None}

    def listen(self) -> tuple[RemovableHandle, RemovableHandle]:
        """To all optimizers: many loops, and optimizers in the backward pass, clear the gradients right behind."""
        return register_optimizer_step_pre_hook(self._stepping), register_optimizer_step_post_hook(self._stepped)

    def _stepping(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        for layer, weight in self._owned(optimizer):
            if (version := self._versions.pop(layer, None)) is not None and version_of(weight) != version:
                self.before[layer] = weight.detach().clone()

    def _stepped(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        for layer, weight in self._owned(optimizer):
            if (gradient := weight.grad) is not None:
                kept = gradient if layer in self._intact else gradient.detach().clone()
                self._at_step[layer] = gradient, kept, version_of(gradient)

    def _owned(self, optimizer: Optimizer) -> Iterator[tuple[str, nn.Parameter]]:
        """The layers whose weights the optimizer has, and these."""
        own = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        for layer in self.before:
            weight = weight_of(self._layers[layer])
            if weight is not None and id(weight) in own:
                yield layer, weight

    def of(self, layer: str) -> tuple[Tensor, Tensor, Tensor] | None:
        """The weights after the step, their gradient (NaN where lost) and their update; None if there are none now."""
        weight, old = weight_of(self._layers[layer]), self.before[layer]
        if weight is None:
            return None
        new = weight.detach().float()
        update = new - old.float()
        gradient = self._gradient(layer, weight)
        if gradient is None and (layer in self.lost or bool(update.any())):
            self.lost.add(layer)
            gradient = torch.full_like(new, torch.nan)
        return new, torch.zeros_like(new) if gradient is None else gradient.float(), update

    def _gradient(self, layer: str, weight: nn.Parameter) -> Tensor | None:
        if layer not in self._at_step:
            return weight.grad
        gradient, kept, version = self._at_step[layer]
        if version_of(gradient) == version:
            self._intact.add(layer)
        elif kept is gradient:
            self._intact.discard(layer)
            self.lost.add(layer)
            return None
        return kept
