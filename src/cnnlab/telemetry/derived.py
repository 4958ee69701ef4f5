"""Statistics in two halves: reductions of a tensor, and arithmetic with the numbers they make.

An operation on one number takes as long as one on a hundred. So a watched step only reduces, layer by layer; the
arithmetic is done for all layers at once, and for all steps that were watched since somebody asked.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

Number = Tensor | float  # 0-d
Combine = Callable[..., Tensor]


def number(x: Tensor) -> Number:
    """A 0-d tensor of the CPU as a float, a tenth of the memory to come back to; another, to be waited for, stays."""
    return x.item() if x.is_cpu else x


class Reduced(NamedTuple):
    """What `combine` makes a statistic's value of."""

    combine: Combine
    numbers: tuple[Number, ...]


class Derived:
    """A statistic: `combine`, elementwise arithmetic of tensors, of what `reduce` makes. Named as `like`."""

    def __init__(self, reduce: Callable[..., tuple[Number, ...]], combine: Combine, like: Callable[..., Any]):
        self.reduce, self.combine = reduce, combine
        self.__name__, self.__module__, self.__doc__ = like.__name__, like.__module__, like.__doc__

    def __call__(self, *arguments: Any) -> Tensor:
        return self.combine(*(torch.as_tensor(n) for n in self.reduce(*arguments)))

    def __reduce__(self) -> str:
        return self.__name__  # pickled as a function is

    def of(self, which: Callable[..., Tensor]) -> "Derived":
        """Decorator: this statistic of the tensor that `which` returns."""
        return Derived(lambda *arguments: self.reduce(which(*arguments)), self.combine, which)


def derived(reduce: Callable[..., tuple[Number, ...]]) -> Callable[[Combine], Derived]:
    """Decorator of `combine`."""
    return lambda combine: Derived(reduce, combine, combine)


def reduced(statistic: Callable[..., Tensor], *arguments: Any) -> Tensor | Reduced:
    """`statistic` of `arguments`, or, of one that is `Derived`, what will make it."""
    if isinstance(statistic, Derived):
        return Reduced(statistic.combine, statistic.reduce(*arguments))
    return statistic(*arguments)


Found = dict[str, Tensor | Reduced]  # what a watched step measured, by key
Block = tuple[tuple[str, ...], Tensor]  # keys, and their values in some steps, still on the device: (steps, keys, ...)


def blocks(steps: Sequence[Found]) -> list[Block]:
    """The values of `steps`, computed without synchronization; one block of those that follow each other with the same
    keys."""
    alike: list[list[Found]] = []
    for found in steps:
        if alike and alike[-1][0].keys() == found.keys():
            alike[-1].append(found)
        else:
            alike.append([found])
    return [_block(found) for found in alike]


def _block(steps: Sequence[Found]) -> Block:
    groups: dict[Combine | None, list[str]] = {}
    for key, value in steps[0].items():
        groups.setdefault(value.combine if isinstance(value, Reduced) else None, []).append(key)
    values = []
    for combine, keys in groups.items():
        found = [step[key] for step in steps for key in keys]
        if combine is None:
            together = torch.stack(cast("list[Tensor]", found))
        else:
            columns = [*zip(*(numbers for _, numbers in cast("list[Reduced]", found)), strict=True)]
            device = next((n.device for n, *_ in columns if isinstance(n, Tensor)), torch.device("cpu"))
            together = combine(*(_vector(column, device) for column in columns))
        values.append(together.unflatten(0, (len(steps), len(keys))))
    return tuple(chain(*groups.values())), torch.cat(values, 1) if values else torch.empty(len(steps), 0)


def _vector(numbers: tuple[Any, ...], device: torch.device) -> Tensor:
    if isinstance(numbers[0], Tensor):
        return torch.stack(numbers)
    return torch.tensor(numbers).to(device, non_blocking=True)
