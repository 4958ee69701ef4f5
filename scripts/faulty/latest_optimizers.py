"""Yet other optimizers that are used wrongly."""

from collections.abc import Iterable
from typing import Any

import torch
from more_optimizers import _ChangedGradients
from newer_optimizers import _Numbered
from torch import Tensor
from torch.optim import SGD, AdamW


class Absolute(_ChangedGradients):
    """Of the gradient, the absolute value."""

    def __init__(self, params: Iterable[Tensor], **settings: Any):
        super().__init__(params, **settings)
        self.change = torch.abs


class Dropped(_ChangedGradients):
    """So many of a hundred values of the gradient are lost at each step."""

    def __init__(self, params: Iterable[Tensor], percent: float, **settings: Any):
        super().__init__(params, **settings)
        self.change = lambda gradient: gradient * (100 * torch.rand_like(gradient) >= percent)


class Float8Gradients(_ChangedGradients):
    """Gradients are divided by the number of processes, and sent in float8 (e4m3), whose smallest value is 0.002."""

    def __init__(self, params: Iterable[Tensor], processes: int, **settings: Any):
        super().__init__(params, **settings)
        self.change = lambda gradient: (gradient / processes).to(torch.float8_e4m3fn).float() * processes


class Standardized(SGD):
    """The weights of each layer are standardized where they are, after every step."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.dim() > 1:
                p.sub_(p.mean()).div_(p.std() + 1e-8)
        return loss


class Pruned(_Numbered):
    """At every step this share of the weights that are left is pruned, the smallest first, in place of once an
    epoch."""

    calls = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        self.calls += 1
        for p in self.all:
            zeros = int(p.numel() * (1 - (1 - self.number) ** self.calls))
            if p.dim() > 1 and zeros:
                p.masked_fill_(p.abs() <= p.abs().flatten().kthvalue(zeros)[0], 0)
        return loss


class OthersState(AdamW):
    """The running means of another network, whose gradients were `number` times a normal number, and then shrank."""

    def __init__(self, params: Iterable[Tensor], number: float, **settings: Any):
        super().__init__(params, **settings)
        for p in (p for group in self.param_groups for p in group["params"]):
            moments = {"exp_avg": number * torch.randn_like(p), "exp_avg_sq": torch.full_like(p, 1e-6)}
            self.state[p] = {"step": torch.tensor(1e4), **moments}


class WrongLayers(AdamW):
    """Each layer gets the gradient of the one before with weights of the same shape, as by processes that do not agree
    on the order."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        alike: dict[torch.Size, list[Tensor]] = {}
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.grad is not None:
                alike.setdefault(p.shape, []).append(p)
        for tensors in alike.values():
            gradients = [p.grad for p in tensors]
            for p, other in zip(tensors, [gradients[-1], *gradients[:-1]], strict=True):
                p.grad = other
        return super().step(closure)
