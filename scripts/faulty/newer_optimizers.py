"""The last optimizers that are used wrongly."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, AdamW


class Uncorrected(AdamW):
    """Without Adam's bias correction, which is 1 after a million steps."""

    def __init__(self, params: Iterable[Tensor], **settings: Any):
        super().__init__(params, **settings)
        for p in (p for group in self.param_groups for p in group["params"]):
            moments = {name: torch.zeros_like(p) for name in ("exp_avg", "exp_avg_sq")}
            self.state[p] = {"step": torch.tensor(1e6), **moments}


class _Numbered(SGD):
    """`number`: how strong."""

    def __init__(self, params: Iterable[Tensor], number: float, **settings: Any):
        super().__init__(params, **settings)
        self.number = number

    @property
    def all(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]


class BiasesUp(_Numbered):
    """A sign is wrong where the biases are updated, at `number` times the rate of the weights."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for p in self.all:
            if p.grad is not None and p.dim() == 1:
                p.grad.mul_(-self.number)
        return super().step(closure)


class Growing(_Numbered):
    """The derivative of weight decay is subtracted from the gradient."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for p in self.all:
            if p.grad is not None:
                p.grad.sub_(p, alpha=self.number)
        return super().step(closure)


class FiltersAveraged(SGD):
    """After each step the mean is taken over the filters, where it was to be taken over several processes."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.dim() > 1:
                p.copy_(p.mean(0, keepdim=True).expand_as(p))
        return loss


class HalfZeroed(_Numbered):
    """Of two groups of parameters the gradients of one are never zeroed: every `number`th tensor."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        for i, p in enumerate(self.all):
            if i % int(self.number):
                p.grad = None
