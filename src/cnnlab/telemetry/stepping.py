"""What an optimizer is given when it takes a step inside a watched one: its learning rate, and how much of the
gradient."""

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import isfinite, log2
from statistics import median
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

POWER = 1e-3  # how near to one of two a share's logarithm is that comes of a loss scale, taken back before the step
MANY = 4  # watched steps


@dataclass
class Stepped:
    """`rate`: the largest of the optimizer's groups; None if no weight was stepped. `arrived`: whether a gradient did.
    `share`: norm of what the optimizer got over that of all that arrived in this step, of the smallest weight: below 1
    behind clipping, above where earlier gradients were not cleared. `anew`: the optimizer keeps something of each step,
    and had nothing of an earlier one. `evaluating`: the network was in evaluation mode when the gradient arrived."""

    rate: float | None = None
    arrived: bool = False
    share: Tensor | None = None
    anew: bool = False
    evaluating: bool = False


class Stepping:
    """A context manager around one step of `weights`, of `network`."""

    def __init__(self, network: nn.Module, weights: Collection[nn.Parameter]):
        self.seen = Stepped()
        self._network = network
        self._weights = {id(weight) for weight in weights}
        self._smallest = min((w for w in weights if w.requires_grad), key=Tensor.numel, default=None)
        self._arrived: Tensor | None = None
        self._hooks = ExitStack()
        self._without: Optimizer | None = None  # that had no state before its step

    def __enter__(self) -> Self:
        self._hooks.callback(register_optimizer_step_pre_hook(self._stepping).remove)
        if self._smallest is not None:
            self._hooks.callback(self._smallest.register_hook(self._arriving).remove)
        return self

    def __exit__(self, *exception: Any) -> None:
        self._hooks.close()
        self.seen.anew = self._without is not None and self._remembers(self._without)

    def _remembers(self, optimizer: Optimizer) -> bool:
        kept = {} if self._smallest is None else optimizer.state.get(self._smallest, {})
        return any(isinstance(value, Tensor) for value in kept.values())

    def _arriving(self, gradient: Tensor) -> None:
        with torch._C.DisableTorchFunction(), torch.no_grad():
            self.seen.arrived = True
            self.seen.evaluating |= not self._network.training
            self._arrived = gradient.clone() if self._arrived is None else self._arrived + gradient

    def _stepping(self, optimizer: Optimizer, *_: Any) -> None:
        for group in optimizer.param_groups:
            own = [p for p in group["params"] if id(p) in self._weights]
            if own and "lr" in group:
                self.seen.rate = max(float(group["lr"]), self.seen.rate or 0.0)
            if self._arrived is not None and any(p is self._smallest for p in own):
                self._without = None if self._remembers(optimizer) else optimizer
                with torch._C.DisableTorchFunction(), torch.no_grad():
                    given = None if self._smallest is None else self._smallest.grad
                    self.seen.share = None if given is None else given.norm() / self._arrived.norm()


def gradients_given(steps: Sequence[Stepped]) -> dict[str, float]:
    """The share in the first and second watched steps and, median, in the later half: `check/gradient_first`,
    `check/gradient_second`, `check/gradient_later`. `check/gradient_kept`: the largest, unless that is of a loss scale.
    `check/optimizer_anew`: 1 if in each step the optimizer had nothing of those before. Empty where few are known, and
    where gradients of several batches are added up on purpose."""
    shares = [stepped.share.item() for stepped in steps if stepped.share is not None]
    shares = [share for share in shares if isfinite(share)]
    if len(shares) < MANY or any(stepped.arrived and stepped.rate is None for stepped in steps):
        return {}
    known = {"check/optimizer_anew": 1.0} if all(stepped.anew for stepped in steps) else {}
    values = {"first": shares[0], "second": shares[1], "later": median(shares[len(shares) // 2 :])}
    if not all(share > 0 and abs(log2(share) - round(log2(share))) < POWER for share in shares):
        values["kept"] = max(shares)
    return known | {f"check/gradient_{name}": share for name, share in values.items()}
