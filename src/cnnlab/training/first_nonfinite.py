"""Finds the operation that first makes NaN or infinity of finite values, in a training step of any network."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# They are to hold what is not finite, as a mask of -inf does, or hold what was in memory before.
MEANT = ("empty", "new_empty", "resize", "set_", "full", "new_full", "fill", "masked_fill", "where", "scalar_tensor")


@dataclass(frozen=True)
class Produced:
    """`operation`: as torch's dispatcher names it, `div`. `dtype`: of the result, `float16`. `largest`: absolute value
    of what went in. `updating`: whether the optimizer called it."""

    operation: str
    dtype: str
    largest: float
    updating: bool


class FirstNonFinite(TorchDispatchMode):
    """Inside, `found` is the first such operation; each one's result is looked at, which waits for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Produced | None = None
        self._updating = False

    @contextmanager
    def of(self, optimizer: Optimizer) -> Iterator["FirstNonFinite"]:
        hooks = (
            optimizer.register_step_pre_hook(lambda *_: self._now(updating=True)),
            optimizer.register_step_post_hook(lambda *_: self._now(updating=False)),
        )
        try:
            with self:
                yield self
        finally:
            for hook in hooks:
                hook.remove()

    def _now(self, updating: bool) -> None:
        self._updating = updating

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: Mapping | None = None) -> Any:
        kwargs, name = kwargs or {}, func.overloadpacket.__name__
        if self.found is not None or name.startswith(MEANT):
            return func(*args, **kwargs)
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor) and x.is_floating_point()]
        # An operation in place leaves nothing to look at afterwards.
        before = _largest(given) if func._schema.is_mutable else None
        results = func(*args, **kwargs)
        made = given if before is not None else tree_leaves(results)
        for result in made:
            if isinstance(result, Tensor) and result.is_floating_point() and not _finite(result):
                before = _largest(given) if before is None else before
                if before < torch.inf:
                    dtype = str(result.dtype).removeprefix("torch.")
                    self.found = Produced(name.strip("_").removeprefix("foreach_"), dtype, before, self._updating)
                break
        return results


def _finite(x: Tensor) -> bool:
    return bool(x.isfinite().all())


def _largest(tensors: list[Tensor]) -> float:
    """Infinity, if any value is not finite."""
    sizes = [x.abs().max().item() for x in tensors if x.numel()]
    return max((size if size == size else torch.inf for size in sizes), default=0.0)
