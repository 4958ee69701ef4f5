"""Statistics in two halves: reductions of a tensor, and arithmetic with the numbers they make.

An operation on one number takes as long as one on a hundred. So a watched step only reduces, layer by layer, and what
several statistics need once; the arithmetic is done for all layers at once, and for all steps that were watched since
somebody asked.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, cycle
from typing import Any

import torch
from torch import Tensor

from cnnlab.common.errors import InputError

Number = Tensor | float  # 0-d
Reduction = Callable[..., Any]  # of a tensor: a Number, or a NamedTuple of them
Combine = Callable[..., Tensor]
Entry = tuple[str, str]  # what is measured, and the layer, or ""
Block = tuple[tuple[str, ...], Tensor]  # keys, and their values in some steps, still on the device: (steps, keys, ...)


def number(x: Tensor) -> Number:
    """A 0-d tensor of the CPU as a float, a tenth of the memory to come back to; another, to be waited for, stays."""
    return x.item() if x.is_cpu else x


class Derived:
    """A statistic: `combine`, elementwise arithmetic with what each of `reductions` makes of its arguments."""

    def __init__(self, combine: Combine, reductions: tuple[Reduction, ...]):
        self.combine, self.reductions = combine, reductions
        self.__name__, self.__module__, self.__doc__ = combine.__name__, combine.__module__, combine.__doc__

    def __call__(self, *arguments: Any) -> Tensor:
        return self.combine(*(_vectors([reduce(*arguments)]) for reduce in self.reductions)).squeeze(0)

    def __reduce__(self) -> str:
        return self.__name__  # pickled as a function is


def derived(*reductions: Reduction) -> Callable[[Combine], Derived]:
    """Decorator of `combine`."""
    return lambda combine: Derived(combine, reductions)


class Group:
    """Statistics with the same arguments. Called with them, it makes each of their `reductions` once; `needs`: where,
    in the result, a statistic's are."""

    def __init__(self, statistics: Mapping[str, Callable[..., Tensor]]):
        self.statistics = statistics
        needed = {name: f.reductions if isinstance(f, Derived) else (f,) for name, f in statistics.items()}
        self.reductions = [*dict.fromkeys(chain(*needed.values()))]
        self.needs = {name: [self.reductions.index(reduction) for reduction in own] for name, own in needed.items()}

    def __call__(self, *arguments: Any) -> list[Any]:
        return [reduce(*arguments) for reduce in self.reductions]


@dataclass
class Step:
    """What was found in a watched step: the result of a group's call by entry, and `more` numbers, by key."""

    found: dict[Entry, list[Any]] = field(default_factory=dict)
    more: dict[str, Tensor] = field(default_factory=dict)

    def like(self, other: "Step") -> bool:
        return self.found.keys() == other.found.keys() and self.more.keys() == other.more.keys()


def blocks(groups: Mapping[str, Group], steps: Sequence[Step]) -> list[Block]:
    """The values of `steps`, computed without synchronization; one block of those that follow each other with the same
    keys: `<what>/<statistic>/<layer>`, or `<what>/<statistic>`."""
    alike: list[list[Step]] = []
    for step in steps:
        if alike and alike[-1][0].like(step):
            alike[-1].append(step)
        else:
            alike.append([step])
    return [_block(groups, steps) for steps in alike]


def _block(groups: Mapping[str, Group], steps: Sequence[Step]) -> Block:
    # By the arithmetic, None for a statistic that is its own only reduction: key -> the entry, and the places in it.
    tables: dict[Combine | None, dict[str, tuple[Entry, list[int]]]] = {}
    for what, layer in steps[0].found:
        for name, statistic in groups[what].statistics.items():
            table = tables.setdefault(statistic.combine if isinstance(statistic, Derived) else None, {})
            table[f"{what}/{name}/{layer}" if layer else f"{what}/{name}"] = (what, layer), groups[what].needs[name]
    keys, values = [*steps[0].more], []
    if keys:
        values.append(torch.stack(together([step.more[key] for step in steps for key in steps[0].more])))
    for combine, table in tables.items():
        keys += table
        entries, places = zip(*table.values(), strict=True)
        results = [
            [step.found[entry][place] for step in steps for entry, place in zip(entries, column, strict=True)]
            for column in zip(*places, strict=True)
        ]
        values.append(_given(table, results[0]) if combine is None else combine(*map(_vectors, results)))
    values = [found.unflatten(0, (len(steps), -1)) for found in values]
    return tuple(keys), torch.cat(together(values), 1) if values else torch.empty(len(steps), 0)


def together(values: list[Tensor]) -> list[Tensor]:
    """On one device: numbers that were made on the CPU follow those on a GPU."""
    devices = {value.device for value in values}
    if len(devices) < 2:
        return values
    device = next(device for device in devices if device.type != "cpu")
    return [value.to(device, non_blocking=True) for value in values]


def _given(keys: Iterable[str], results: Sequence[Any]) -> Tensor:
    """What statistics return that are their own only reduction, somebody's own functions. Raises InputError unless they
    are numbers, or all of one shape, as histograms are."""
    try:
        return _vector(results)
    except (RuntimeError, TypeError, ValueError) as error:
        shape = getattr(results[0], "shape", ())
        for key, value in zip(cycle(keys), results, strict=False):
            if not isinstance(value, Tensor | float | int) or getattr(value, "shape", ()) != shape:
                raise no_number(key, value) from error
        raise


def no_number(key: str, value: Any) -> InputError:
    what = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    return InputError(f"The statistic {key} returns {what}.\nIt must return one number, as x.mean() does.")


def _vectors(results: Sequence[Any]) -> Any:
    """What a reduction made of several tensors."""
    return Vectors(results) if isinstance(results[0], tuple) else _vector(results)


class Vectors:
    """The fields of several NamedTuples, each as a vector, made where it is asked for."""

    def __init__(self, results: Sequence[Any]):
        self._results = results
        self._device = next((number.device for number in chain(*results) if isinstance(number, Tensor)), None)

    def __getattr__(self, name: str) -> Tensor:
        return _vector([getattr(result, name) for result in self._results], self._device)


def _vector(numbers: Sequence[Any], device: torch.device | None = None) -> Tensor:
    if any(isinstance(number, Tensor) for number in numbers):  # all, but where layers are on several devices
        return torch.stack(together([n if isinstance(n, Tensor) else torch.tensor(float(n)) for n in numbers]))
    vector = torch.tensor(numbers)
    return vector if device is None else vector.to(device, non_blocking=True)
