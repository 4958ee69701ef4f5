"""Hand-written optimizers, each with the mistake of a line."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

Weights = Iterable[nn.Parameter]


def _updated(optimizer: Optimizer) -> Iterator[nn.Parameter]:
    for group in optimizer.param_groups:
        yield from (p for p in group["params"] if p.grad is not None)


class UphillKept(SGD):
    """Sharpness-aware minimization (Foret et al. 2021): the step uphill, `rho` long, is not taken back."""

    def __init__(self, weights: Weights, rho: float, **settings: Any):
        super().__init__(weights, **settings)
        self.rho = rho

    @torch.no_grad()
    def step(self, closure=None):
        updated = list(_updated(self))
        length = torch.stack([p.grad.norm() for p in updated]).norm() + 1e-12
        for p in updated:
            p.add_(p.grad * self.rho / length)
        return super().step(closure)


class TimesRoot(Optimizer):
    """Adam that multiplies by the root of the second moment."""

    def __init__(self, weights: Weights, lr: float, betas: tuple[float, float] = (0.9, 0.999)):
        super().__init__(weights, {"lr": lr, "betas": tuple(betas)})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in (p for p in group["params"] if p.grad is not None):
                state = self.state[p]
                if not state:
                    state.update(step=0, mean=torch.zeros_like(p), square=torch.zeros_like(p))
                state["step"] += 1
                mean = state["mean"].lerp_(p.grad, 1 - b1) / (1 - b1 ** state["step"])
                square = state["square"].lerp_(p.grad**2, 1 - b2) / (1 - b2 ** state["step"])
                p.sub_(mean * square.sqrt(), alpha=group["lr"])


class StepsInTheLoop(SGD):
    """`for p in parameters: clip(p); optimizer.step()`: the last line is indented too far."""

    def step(self, closure=None):
        for _ in list(_updated(self)):
            super().step(closure)


class SentAgain(SGD):
    """The largest `share` of the gradient is sent, the rest kept for the next step (error feedback, Stich et al. 2018);
    what was sent is kept, too."""

    def __init__(self, weights: Weights, share: float, **settings: Any):
        super().__init__(weights, **settings)
        self.share, self.kept = share, {}

    @torch.no_grad()
    def step(self, closure=None):
        for p in _updated(self):
            kept = self.kept.setdefault(p, torch.zeros_like(p)).add_(p.grad)
            count = max(1, int(self.share * kept.numel()))
            smallest = kept.abs().flatten().topk(count)[0][-1]
            p.grad = torch.where(kept.abs() >= smallest, kept, torch.zeros_like(kept))
        return super().step(closure)


class CautiousReversed(AdamW):
    """A cautious optimizer (Liang et al. 2024) takes the step only where it agrees with the gradient; this one, only
    where it does not."""

    @torch.no_grad()
    def step(self, closure=None):
        before = {p: p.clone() for p in _updated(self)}
        loss = super().step(closure)
        for p, old in before.items():
            mask = (self.state[p]["exp_avg"] * p.grad < 0).float()
            p.copy_(old + (p - old) * mask / mask.mean().clamp_min(1e-3))
        return loss


class BuffersByShape(AdamW):
    """The moments are kept in a dictionary by shape: layers of one shape have one buffer."""

    def __init__(self, weights: Weights, **settings: Any):
        super().__init__(weights, foreach=False, **settings)
        buffers: dict[torch.Size, dict[str, Tensor]] = {}
        for p in (p for group in self.param_groups for p in group["params"]):
            names = ("exp_avg", "exp_avg_sq")
            shared = buffers.setdefault(p.shape, {name: torch.zeros_like(p) for name in names})
            self.state[p] = {"step": torch.zeros(()), **shared}


class NotNormalized(SGD):
    """Muon (Jordan et al. 2024) without the division by the norm in front of its five Newton-Schulz steps, which
    converge for singular values below one."""

    @torch.no_grad()
    def step(self, closure=None):
        for p in _updated(self):
            if p.dim() > 1:
                p.grad = self._orthogonal(p.grad.flatten(1)).view_as(p)
        return super().step(closure)

    def _orthogonal(self, x: Tensor) -> Tensor:
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        for _ in range(5):
            square = x @ x.T
            x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
        return (x.T if tall else x).contiguous()


class QuietOnly(SGD):
    """A guard against outliers: no step where the norm of the gradient is above a running one, which is a min() in
    place of a mean."""

    smallest = float("inf")

    def step(self, closure=None):
        norm = float(torch.stack([p.grad.norm() for p in _updated(self)]).norm())
        self.smallest = min(self.smallest, norm)
        return super().step(closure) if norm <= self.smallest else None


class WholeRate(SGD):
    """The learning rate is copied into a tensor that is like the step counter: of whole numbers."""

    def step(self, closure=None):
        rates = [group["lr"] for group in self.param_groups]
        for group in self.param_groups:
            group["lr"] = torch.zeros((), dtype=torch.int64).fill_(int(group["lr"])).item()
        loss = super().step(closure)
        for group, rate in zip(self.param_groups, rates, strict=True):
            group["lr"] = rate
        return loss


def head_and_body(weights: Weights, lr: float, **settings: Any) -> Optimizer:
    """Two groups, as for fine-tuning, at one rate: the last layer, and the others."""
    found = list(weights)
    return AdamW([{"params": found[-2:]}, {"params": found[:-2]}], lr=lr, **settings)
