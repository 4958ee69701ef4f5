"""Optimizers as people get them wrong around `loss.backward()` and `optimizer.step()`."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

Weights = Iterable[nn.Parameter]


def _updated(optimizer: Optimizer) -> Iterator[nn.Parameter]:
    for group in optimizer.param_groups:
        yield from (p for p in group["params"] if p.grad is not None)


class Scaled(SGD):
    """The loss is multiplied by `by` before backward: summed, averaged twice, negated, or scaled and not unscaled."""

    def __init__(self, weights: Weights, by: float, **settings: Any):
        super().__init__(weights, **settings)
        self.by = by

    def step(self, closure=None):
        for p in _updated(self):
            p.grad.mul_(self.by)
        return super().step(closure)


class ClippedWhileScaled(SGD):
    """clip_grad_norm_(max_norm=1) on the scaled gradients, which are unscaled afterwards."""

    def __init__(self, weights: Weights, scale: float, **settings: Any):
        super().__init__(weights, **settings)
        self.scale = scale

    def step(self, closure=None):
        for p in _updated(self):
            p.grad.mul_(self.scale)
        nn.utils.clip_grad_norm_(list(_updated(self)), 1.0)
        for p in _updated(self):
            p.grad.div_(self.scale)
        return super().step(closure)


class ZeroGradForgotten(SGD):
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Nobody calls it."""


class ZeroGradPerEpoch(AdamW):
    """`zero_grad` stands in the loop over epochs, not in that over batches."""

    def __init__(self, weights: Weights, steps: int, **settings: Any):
        super().__init__(weights, **settings)
        self.steps, self.calls = steps, 0

    def zero_grad(self, set_to_none: bool = True) -> None:
        if self.calls % self.steps == 0:
            super().zero_grad(set_to_none)
        self.calls += 1


def of_the_classifier(weights: Weights, **settings: Any) -> Optimizer:
    """optimizer(model.fc.parameters()), as for a pretrained network."""
    return AdamW(list(weights)[-2:], **settings)


def of_the_former_network(weights: Weights, **settings: Any) -> Optimizer:
    """Made before the network was built anew, or copied: it holds parameters that nothing computes with."""
    return SGD([p.detach().clone().requires_grad_() for p in weights], **settings)


class WeightsInBytes(SGD):
    """Weights are kept as int8 with one scale per tensor, without a copy in float32."""

    def step(self, closure=None):
        loss = super().step(closure)
        with torch.no_grad():
            for p in _updated(self):
                step = p.abs().max().clamp_min(1e-12) / 127
                p.copy_((p / step).round() * step)
        return loss


class WeightsInBfloat16(SGD):
    """model.to(torch.bfloat16): an update below 1/256 of a weight is lost."""

    def step(self, closure=None):
        loss = super().step(closure)
        with torch.no_grad():
            for p in _updated(self):
                p.copy_(p.bfloat16())
        return loss


class HalfAdam(Optimizer):
    """model.half() with Adam: squares of gradients and the epsilon of 1e-8 are zero in float16."""

    def __init__(self, weights: Weights, lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8):
        super().__init__(weights, {"lr": lr, "betas": tuple(betas), "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, group)

    def _update(self, p: Tensor, group: dict[str, Any]) -> None:
        state, gradient = self.state[p], p.grad.half()
        if not state:
            state["step"], state["mean"], state["square"] = 0, torch.zeros_like(gradient), torch.zeros_like(gradient)
        (b1, b2), mean, square = group["betas"], state["mean"], state["square"]
        state["step"] += 1
        mean.mul_(b1).add_(gradient * (1 - b1))
        square.mul_(b2).add_(gradient * gradient * (1 - b2))
        root = (square / (1 - b2 ** state["step"])).sqrt() + torch.tensor(group["eps"]).half()
        p.sub_((mean / (1 - b1 ** state["step"]) / root).float(), alpha=group["lr"])
