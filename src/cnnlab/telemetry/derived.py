"""Statistics in two halves: reductions of a tensor, and arithmetic with the numbers they make.

An operation on one number takes as long as one on a hundred. So a watched step only reduces, layer by layer, and does
the arithmetic at its end, for all layers at once.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

Number = Tensor | int  # 0-d; or known without looking at the elements
Combine = Callable[..., Tensor]


class Reduced(NamedTuple):
    """What `combine` makes a statistic's value of."""

    combine: Combine
    numbers: tuple[Number, ...]


class Derived:
    """A statistic: `combine`, elementwise arithmetic, of the numbers that `reduce` makes of a tensor. The first of them
    is a tensor. Named as `like`."""

    def __init__(self, reduce: Callable[..., tuple[Number, ...]], combine: Combine, like: Callable[..., Any]):
        self.reduce, self.combine = reduce, combine
        self.__name__, self.__module__, self.__doc__ = like.__name__, like.__module__, like.__doc__

    def __call__(self, *arguments: Any) -> Tensor:
        return self.combine(*self.reduce(*arguments))

    def __reduce__(self) -> str:
        return self.__name__  # pickled as a function is

    def of(self, which: Callable[..., Tensor]) -> "Derived":
        """Decorator: this statistic of the tensor that `which` returns."""
        return Derived(lambda *arguments: self.reduce(which(*arguments)), self.combine, which)


def derived(reduce: Callable[..., tuple[Number, ...]]) -> Callable[[Combine], Derived]:
    """Decorator of `combine`."""
    return lambda combine: Derived(reduce, combine, combine)


def together(found: Mapping[str, Tensor | Reduced]) -> tuple[tuple[str, ...], Tensor]:
    """Keys, and their values in one tensor, computed without synchronization. `found` is not empty."""
    plain: dict[str, Tensor] = {}
    groups: dict[Combine, dict[str, tuple[Number, ...]]] = {}
    for key, value in found.items():
        if isinstance(value, Reduced):
            groups.setdefault(value.combine, {})[key] = value.numbers
        else:
            plain[key] = value
    keys, values = [*plain], [torch.stack([*plain.values()])] if plain else []
    for combine, rows in groups.items():
        keys += rows
        columns = [*zip(*rows.values(), strict=True)]
        values.append(combine(*(_vector(column, columns[0][0].device) for column in columns)))
    return tuple(keys), torch.cat(values)


def _vector(numbers: tuple[Number, ...], device: torch.device) -> Tensor:
    if isinstance(numbers[0], Tensor):
        return torch.stack(numbers)
    return torch.tensor(numbers).to(device, non_blocking=True)
