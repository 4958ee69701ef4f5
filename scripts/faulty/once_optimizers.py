"""Optimizers as they are misused; those that change gradients do so before a step that is torch's own."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

Change = Callable[[Tensor], Tensor]


def weights_of(optimizer: Optimizer) -> Iterator[torch.nn.Parameter]:
    for group in optimizer.param_groups:
        yield from (weight for weight in group["params"] if weight.grad is not None)


def change_gradients(optimizer: Optimizer, change: Change) -> None:
    for weight in weights_of(optimizer):
        assert weight.grad is not None
        weight.grad = change(weight.grad)


class NeverZeroed(SGD):
    """Without zero_grad(): each step goes along the sum of all gradients so far."""

    def __init__(self, params: Any, **settings: Any):
        super().__init__(params, **settings)
        self.sums: dict[Tensor, Tensor] = {}

    def step(self, closure: Any = None) -> Any:
        for weight in weights_of(self):
            assert weight.grad is not None
            self.sums[weight] = self.sums.get(weight, 0) + weight.grad
            weight.grad = self.sums[weight].clone()
        return super().step(closure)


class OnceAnEpoch(SGD):
    """step() and zero_grad() slipped out of the loop over batches: gradients of `batches` batches, then one step."""

    def __init__(self, params: Any, batches: int = 25, **settings: Any):
        super().__init__(params, **settings)
        self.batches, self.seen = batches, 0
        self.sums: dict[Tensor, Tensor] = {}

    def step(self, closure: Any = None) -> Any:
        self.seen += 1
        for weight in weights_of(self):
            assert weight.grad is not None
            self.sums[weight] = self.sums.get(weight, 0) + weight.grad
        if self.seen % self.batches:
            return None
        for weight in weights_of(self):
            weight.grad = self.sums[weight]
        self.sums = {}
        return super().step(closure)


class AddsGradient(SGD):
    """`weight += rate * gradient`, written by hand."""

    def step(self, closure: Any = None) -> Any:
        change_gradients(self, lambda gradient: -gradient)
        return super().step(closure)


class Scaled(SGD):
    """The gradient of a loss that is `factor` times the mean: of a sum over images, or of a mean taken twice."""

    def __init__(self, params: Any, factor: float, **settings: Any):
        super().__init__(params, **settings)
        self.factor = factor

    def step(self, closure: Any = None) -> Any:
        change_gradients(self, lambda gradient: gradient * self.factor)
        return super().step(closure)


class OldCopy(AdamW):
    """Made for a network that was replaced afterwards: it updates weights that nobody uses."""

    def __init__(self, params: Any, **settings: Any):
        super().__init__([weight.detach().clone().requires_grad_() for weight in params], **settings)


class LastLayer(AdamW):
    """Of `model.fc.parameters()`, as for a pretrained network."""

    def __init__(self, params: Any, **settings: Any):
        super().__init__(list(params)[-2:], **settings)


class EightBitWeights(SGD):
    """The weights are kept in 8 bits (e4m3), without a copy in full precision."""

    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        with torch.no_grad():
            for weight in weights_of(self):
                weight.copy_(weight.clamp(-448, 448).to(torch.float8_e4m3fn).float())
        return loss


class FixedLossScale(SGD):
    """Gradients in fp16 under a fixed loss scale, and nobody looks whether they overflowed."""

    def __init__(self, params: Any, scale: float = 2.0**24, **settings: Any):
        super().__init__(params, **settings)
        self.scale = scale

    def step(self, closure: Any = None) -> Any:
        change_gradients(self, lambda gradient: (gradient * self.scale).half().float() / self.scale)
        return super().step(closure)


class HalfAdam(Adam):
    """Adam after `model.half()`: weights, moments and epsilon are fp16, in which 1e-8 is zero."""

    def __init__(self, params: Any, lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8):
        super().__init__(params, lr=lr, betas=betas, eps=eps)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            first, second = group["betas"]
            eps = torch.tensor(group["eps"]).half()
            for weight in (weight for weight in group["params"] if weight.grad is not None):
                state, gradient = self.state[weight], weight.grad.half()
                if not state:
                    state["t"], state["m"], state["v"] = 0, torch.zeros_like(gradient), torch.zeros_like(gradient)
                state["t"] += 1
                state["m"] = (first * state["m"] + (1 - first) * gradient).half()
                state["v"] = (second * state["v"] + (1 - second) * gradient * gradient).half()
                mean, square = state["m"] / (1 - first ** state["t"]), state["v"] / (1 - second ** state["t"])
                change = mean / (square.sqrt() + eps)
                weight.copy_((weight.half() - (group["lr"] * change).half()).float())
        return None
