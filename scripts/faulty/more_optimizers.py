"""More optimizers that are used wrongly."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, AdamW


class _ChangedGradients(SGD):
    """`change`: of every gradient, before the step."""

    change: Callable[[Tensor], Tensor]

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad.copy_(self.change(p.grad))
        return super().step(closure)


class ScaledLoss(_ChangedGradients):
    """The loss is summed over the batch, or divided once too often; or a loss scale is never taken back."""

    def __init__(self, params: Iterable[Tensor], factor: float, **settings: Any):
        super().__init__(params, **settings)
        self.change = lambda gradient: gradient * factor


class Signs(_ChangedGradients):
    """Of the gradient, nothing but the sign."""

    def __init__(self, params: Iterable[Tensor], **settings: Any):
        super().__init__(params, **settings)
        self.change = torch.sign


class ClippedValues(_ChangedGradients):
    """Each value of the gradient is clipped, with the limit of another loss."""

    def __init__(self, params: Iterable[Tensor], limit: float, **settings: Any):
        super().__init__(params, **settings)
        self.change = lambda gradient: gradient.clamp(-limit, limit)


class RoundedGradients(_ChangedGradients):
    """Gradients are sent with a few bits behind the point."""

    def __init__(self, params: Iterable[Tensor], steps: float, **settings: Any):
        super().__init__(params, **settings)
        self.change = lambda gradient: (gradient * steps).round() / steps


class Shrinking(SGD):
    """The weights are multiplied by `factor` after every step."""

    def __init__(self, params: Iterable[Tensor], factor: float, **settings: Any):
        super().__init__(params, **settings)
        self.factor = factor

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                p.mul_(self.factor)
        return loss


class Averaged(SGD):
    """The running average of the weights replaces them at every step."""

    def __init__(self, params: Iterable[Tensor], decay: float, **settings: Any):
        super().__init__(params, **settings)
        self.decay = decay

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        before = [p.clone() for group in self.param_groups for p in group["params"]]
        loss = super().step(closure)
        for p, old in zip((p for group in self.param_groups for p in group["params"]), before, strict=True):
            p.lerp_(old, self.decay)
        return loss


class Seldom(SGD):
    """A step for every `every` batches, whose gradients were not kept."""

    calls = 0

    def __init__(self, params: Iterable[Tensor], every: int, **settings: Any):
        super().__init__(params, **settings)
        self.every = every

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        self.calls += 1
        return super().step(closure) if self.calls % self.every == 0 else None


class Float8(SGD):
    """The weights are kept in float8 (e4m3), which has three bits behind the point."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                p.copy_(p.to(torch.float8_e4m3fn).float())
        return loss


class BFloat16AdamW(AdamW):
    """The weights are kept in bfloat16, without a copy in float32."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                p.copy_(p.bfloat16().float())
        return loss
