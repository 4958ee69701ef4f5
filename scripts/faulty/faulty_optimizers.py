"""Optimizers that are used wrongly. Each is called with the list of trainable parameters."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, AdamW


def only_biases(params: Iterable[Tensor], **settings: Any) -> SGD:
    return SGD([p for p in params if p.dim() == 1], **settings)


def only_last(params: Iterable[Tensor], **settings: Any) -> SGD:
    """The last layer's weights and bias alone."""
    return SGD(list(params)[-2:], **settings)


def only_first(params: Iterable[Tensor], **settings: Any) -> SGD:
    return SGD(list(params)[:1], **settings)


def of_a_copy(params: Iterable[Tensor], **settings: Any) -> SGD:
    """Made before the network was copied: it changes weights that nobody uses."""
    return SGD([torch.nn.Parameter(p.detach().clone()) for p in params], **settings)


class NeverZeroed(SGD):
    """Gradients of all steps so far are added up."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        pass


class NeverZeroedAdamW(AdamW):
    """As NeverZeroed."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        pass


class SeldomZeroed(SGD):
    """Once in 50 steps, as at the end of an epoch."""

    calls = 0

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.calls += 1
        if self.calls % 50 == 1:
            super().zero_grad(set_to_none)


class Rounded(SGD):
    """The weights are stored with a few bits behind the point: small updates round to nothing."""

    def __init__(self, params: Iterable[Tensor], steps: float, **settings: Any):
        super().__init__(params, **settings)
        self.steps = steps

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                p.copy_((p * self.steps).round() / self.steps)
        return loss


class NotLearning(SGD):
    """step() before backward(), on gradients that zero_grad() has just removed."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        self.zero_grad()
        return super().step(closure)


class Noisy(SGD):
    """Noise is added to every gradient, as for privacy."""

    def __init__(self, params: Iterable[Tensor], noise: float, **settings: Any):
        super().__init__(params, **settings)
        self.noise = noise

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad.add_(torch.randn_like(p.grad), alpha=self.noise)
        return super().step(closure)
