"""What an optimizer is given when it takes a step inside a watched one: its learning rate, and how much of the
gradient."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from math import isfinite, log2
from statistics import median
from typing import Any, Self
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from cnnlab.common.rates import rated
from cnnlab.telemetry.derived import together

POWER = 1e-3  # how near to one of two a share's logarithm is that comes of a loss scale, taken back before the step
MANY = 4  # watched steps
EXACT = 1e-6  # of a logarithm
LEAST_SCALE = 16  # of a loss in half precision; a GradScaler's is 65,536 at first


class Steps:
    """Counts the optimizers' steps of a network, in the watched steps and between them. `held`: ids of the parameters
    that one of them has."""

    def __init__(self, network: nn.Module):
        self.held = set[int]()
        self._own = {id(parameter) for parameter in network.parameters()}
        self._by_optimizer: WeakKeyDictionary[Optimizer, int] = WeakKeyDictionary()
        _listen()
        _COUNTING.add(self)

    def count(self, optimizer: Optimizer) -> None:
        if any(id(p) in self._own for group in optimizer.param_groups for p in group["params"]):
            if optimizer not in self._by_optimizer:
                self.held |= {id(p) for group in optimizer.param_groups for p in group["params"]} & self._own
            self._by_optimizer[optimizer] = self._by_optimizer.get(optimizer, 0) + 1

    @property
    def done(self) -> int:
        """The most that one optimizer took; 0 where the loop changes the weights without."""
        return max(self._by_optimizer.values(), default=0)


_COUNTING: WeakSet[Steps] = WeakSet()


@cache
def _listen() -> None:
    """To all optimizers, for good: a hook that is removed when what it counts for is collected, at any moment, may be
    removed while torch goes through its hooks."""
    register_optimizer_step_post_hook(_stepped)


def _stepped(optimizer: Optimizer, *_: Any) -> None:
    for steps in list(_COUNTING):
        steps.count(optimizer)


@dataclass
class Stepped:
    """`rate`: None if no weight was stepped. `arrived`: whether a gradient did.
    `share`: norm of what the optimizer got over that of all that arrived in this step, of the smallest weight: below 1
    behind clipping, above where earlier gradients were not cleared. `anew`: the optimizer keeps something of each step,
    and had nothing of an earlier one. `evaluating`: the network was in evaluation mode when the gradient arrived.
    `before`: the optimizer's steps until then. `cross_entropy`: mean over the images, if one was computed."""

    rate: float | None = None
    arrived: bool = False
    share: Tensor | None = None
    anew: bool = False
    evaluating: bool = False
    before: int = 0
    cross_entropy: Tensor | None = None


class Stepping:
    """A context manager around one step of `parameters`, of `network`."""

    def __init__(self, network: nn.Module, parameters: Collection[nn.Parameter], before: int = 0):
        self.seen = Stepped(before=before)
        self._network = network
        self._weights = {id(parameter) for parameter in parameters}
        trained = [p for p in parameters if p.requires_grad and not nn.parameter.is_lazy(p)]
        # Of a bias in front of batch norm the gradient is rounding alone.
        kernels = [p for p in trained if p.dim() > 1]
        self.smallest = min(kernels or trained, key=Tensor.numel, default=None)
        self._arrived: Tensor | None = None
        self._hooks = ExitStack()
        self._without: Optimizer | None = None  # that had no state before its step

    def __enter__(self) -> Self:
        self._hooks.callback(register_optimizer_step_pre_hook(self._stepping).remove)
        if self.smallest is not None:
            self._hooks.callback(self.smallest.register_hook(self._arriving).remove)
        return self

    def __exit__(self, *exception: Any) -> None:
        self._hooks.close()
        self.seen.anew = self._without is not None and self._remembers(self._without)

    def _remembers(self, optimizer: Optimizer) -> bool:
        kept = {} if self.smallest is None else optimizer.state.get(self.smallest, {})
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
                self.seen.rate = max(float(rated(optimizer)["lr"]), self.seen.rate or 0.0)  # of several optimizers
            if self._arrived is not None and any(p is self.smallest for p in own):
                self._without = None if self._remembers(optimizer) else optimizer
                with torch._C.DisableTorchFunction(), torch.no_grad():
                    given = None if self.smallest is None else self.smallest.grad
                    self.seen.share = None if given is None else given.norm() / self._arrived.norm()


def counted(steps: Sequence[Stepped]) -> list[int]:
    """The number of each watched step; where several are of one optimizer step, or of none, they count one by one."""
    numbers: list[int] = []
    for stepped in steps:
        numbers.append(max(stepped.before, numbers[-1] + 1 if numbers else 0))
    return numbers


def gradients_given(steps: Sequence[Stepped]) -> dict[str, float]:
    """The share in the first and second watched steps and, median, in the later half: `check/gradient_first`,
    `check/gradient_second`, `check/gradient_later`. `check/gradient_kept`: the largest, unless that is of a loss scale.
    `check/optimizer_anew`: 1 if in each step the optimizer had nothing of those before. Empty where few are known, and
    where gradients of several batches are added up on purpose."""
    shares = [stepped.share.item() for stepped in steps if stepped.share is not None]
    shares = [share for share in shares if isfinite(share)]
    if len(shares) < MANY or accumulates(steps):
        return {}
    known = {"check/optimizer_anew": 1.0} if all(stepped.anew for stepped in steps) else {}
    values = {"first": shares[0], "second": shares[1], "later": median(shares[len(shares) // 2 :])}
    if not all(map(_power_of_two, shares)):
        values["kept"] = max(shares)
    return known | {f"check/gradient_{name}": share for name, share in values.items()}


def loss_share(steps: Sequence[Stepped], rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """`check/loss_share`: `train/loss` over the mean cross entropy of the same step, median; empty if none is known."""
    known = [
        (row["train/loss"], stepped.cross_entropy.float())
        for stepped, row in zip(steps, rows, strict=True)
        if stepped.cross_entropy is not None and "train/loss" in row
    ]
    if not known:
        return {}
    losses, means = zip(*known, strict=True)
    # In one transfer from the device.
    shares = [
        loss / mean for loss, mean in zip(losses, torch.stack(together([*means])).tolist(), strict=True) if mean > 0
    ]
    return {"check/loss_share": median(shares)} if shares else {}


def accumulates(steps: Sequence[Stepped]) -> bool:
    """Whether gradients arrive in steps in which no optimizer takes one: those of several batches are added up."""
    return any(stepped.arrived and stepped.rate is None for stepped in steps)


def scale_of(share: float) -> float | None:
    """By what the loss was multiplied, where the optimizer got this share of the gradient; None if by nothing. To
    divide by a power of two is exact, and by what clipping divides hardly ever one."""
    return 2.0 ** -round(log2(share)) if 0 < share <= 1 / LEAST_SCALE and _power_of_two(share, EXACT) else None


def _power_of_two(share: float, within: float = POWER) -> bool:
    return share > 0 and abs(log2(share) - round(log2(share))) < within
