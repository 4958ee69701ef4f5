"""Still more optimizers that are used wrongly."""

from collections import deque
from collections.abc import Iterable
from typing import Any

import torch
from more_optimizers import _ChangedGradients
from torch import Tensor
from torch.optim import SGD, AdamW


def by_layer(params: Iterable[Tensor], factor: float, lr: float, **settings: Any) -> SGD:
    """Rates for fine-tuning, in reverse order: `factor` times that of the tensor before, so that the last hardly
    learns."""
    groups = [{"params": [p], "lr": lr * factor**i} for i, p in enumerate(params)]
    return SGD(groups, lr=lr, **settings)


class UnitLength(_ChangedGradients):
    """Every gradient is divided by its length."""

    def __init__(self, params: Iterable[Tensor], **settings: Any):
        super().__init__(params, **settings)
        self.change = lambda gradient: gradient / (gradient.norm() + 1e-12)


class _Kept(SGD):
    """`number`: of what is kept, or how strong. `first`: all parameters as they were at first."""

    def __init__(self, params: Iterable[Tensor], number: float, **settings: Any):
        super().__init__(params, **settings)
        self.number, self.calls = number, 0
        self.first = [p.detach().clone() for p in self.all]

    @property
    def all(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]


class L1(_Kept):
    """The sum of absolute weights is added to the loss, times `number`."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for p in self.all:
            if p.grad is not None:
                p.grad.add_(p.sign(), alpha=self.number)
        return super().step(closure)


class PulledBack(_Kept):
    """A penalty on the distance from where the weights began, as in fine-tuning, times `number`."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for p, first in zip(self.all, self.first, strict=True):
            if p.grad is not None:
                p.grad.add_(p - first, alpha=self.number)
        return super().step(closure)


class ClippedWeights(_Kept):
    """Every weight is clipped to `number`, as in a critic of Wasserstein distances."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for p in self.all:
            p.clamp_(-self.number, self.number)
        return loss


class StartsAnew(_Kept):
    """Every `number` steps the network is made again, as inside the loop over epochs."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        if self.calls and self.calls % int(self.number) == 0:
            self.state.clear()
            for p, first in zip(self.all, self.first, strict=True):
                p.copy_(first)
        self.calls += 1
        return super().step(closure)


class Stale(_Kept):
    """Gradients arrive `number` steps late, as from workers that nobody waits for."""

    waiting: deque[list[Tensor | None]]

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        if not self.calls:
            self.waiting = deque()
        self.calls += 1
        self.waiting.append([None if p.grad is None else p.grad.clone() for p in self.all])
        if len(self.waiting) <= self.number:
            return None
        for p, late in zip(self.all, self.waiting.popleft(), strict=True):
            p.grad = late
        return super().step(closure)


class Undivided(_Kept):
    """Gradients of `number` batches are added up for one step, and not divided."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        pass

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        self.calls += 1
        if self.calls % int(self.number):
            return None
        loss = super().step(closure)
        super().zero_grad()
        return loss


class Unrooted(_Kept):
    """Adam's running mean of squares without its root; `number`: its beta."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        if not self.calls:
            self.squares = [torch.zeros_like(p) for p in self.all]
        self.calls += 1
        for p, square in zip(self.all, self.squares, strict=True):
            if p.grad is not None:
                square.mul_(self.number).addcmul_(p.grad, p.grad, value=1 - self.number)
                p.grad.div_(square / (1 - self.number**self.calls) + 1e-8)
        return super().step(closure)


class Lars(_Kept):
    """Steps relative to the length of each weight (You et al. 2017, arXiv:1708.03888); `number`: the trust. Its rate is
    a few hundred times that of SGD."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for p in self.all:
            if p.grad is not None and p.dim() > 1:
                p.grad.mul_(self.number * p.norm() / (p.grad.norm() + 1e-12))
        return super().step(closure)


class ThreeValues(SGD):
    """After every step each weight becomes 0, or the largest of its layer with either sign."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.dim() > 1:
                largest = p.abs().max().clamp_min(1e-12)
                p.copy_((p / largest).round() * largest)
        return loss


class HalfSquares(AdamW):
    """The running mean of squares is kept in float16, where it becomes 0."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for state in self.state.values():
            state["exp_avg_sq"].copy_(state["exp_avg_sq"].half().float())
        return loss
