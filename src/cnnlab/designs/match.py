"""Make one design equal to another in one budget, before the two are compared in the others."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any

from cnnlab.common.errors import InputError
from cnnlab.networks import geometry

WIDEST = 2**16  # channels in all at which the search gives up

Value = int | float
Changes = dict[str, Any]
ValueOf = Callable[[Changes], Value]


@dataclass(frozen=True)
class Match:
    """`changes`: knobs of the model and their new values, none where it was equal already."""

    changes: Changes
    value: Value
    target: Value

    @property
    def off(self) -> float:
        """How far the value is from the target, as a share of it."""
        return self.value / self.target - 1


def budget(name: str, network: Any, image_shape: tuple[int, int, int]) -> Value:
    """parameters | macs | memory (bytes kept for the backward pass) | receptive_field (longer side, pixels)."""
    value = {
        "parameters": lambda: geometry.parameters(network),
        "macs": lambda: geometry.macs(network, image_shape),
        "memory": lambda: geometry.saved_bytes(network, image_shape),
        "receptive_field": lambda: max(geometry.receptive_field(geometry.rows(network, image_shape)) or (0,)) or None,
    }[name]()
    if value is None:
        raise InputError(
            f"match={name}: this is known only for networks that are layers in a row, and one of these is not.\n"
            "Use match=parameters or match=macs."
        )
    return value


def match_width(channels: Sequence[int], value_of: ValueOf, target: Value) -> Match:
    """All `channels` times one factor, rounded to whole channels, at least 1; the nearest to the target.

    `value_of(changes)`: the budget of the model with these knobs; it grows with the width.
    """
    whole = sum(channels)

    def wide(step: int) -> Changes:
        widths = [max(1, round(c * step / whole)) for c in channels]
        return {} if widths == list(channels) else {"channels": widths}

    return min(_nearest(wide, value_of, target, WIDEST), key=lambda match: abs(match.off))


def match_field(depth: int | Sequence[int], value_of: ValueOf, target: Value) -> Match:
    """Another number of convolutions a block, or of the last block where `depth` is a list; where no depth gives
    the field exactly, another kernel size for all blocks; where neither does, the nearest depth.
    """
    unchanged = Match({}, value_of({}), target)

    def deep(layers: int) -> Changes:
        return {"convs_per_block": layers if isinstance(depth, int) else [*depth[:-1], layers]}

    depths = [unchanged, *_nearest(deep, value_of, target, int(target))]
    kernels = _nearest(lambda size: {"kernel_size": size}, value_of, target, int(target))
    exact = [match for match in (*depths, *kernels) if match.value == target]
    return exact[0] if exact else min(depths, key=lambda match: abs(match.off))


def _nearest(change: Callable[[int], Changes], value_of: ValueOf, target: Value, most: int) -> list[Match]:
    """The last step below the target and the first that reaches it, steps being 1 to `most`. What the model
    refuses (a kernel larger than its map) counts as too much.
    """

    @cache
    def value(step: int) -> Value:
        try:
            return value_of(change(step))
        except InputError:
            return inf

    high = 1
    while value(high) < target and high < most:
        high = min(2 * high, most)
    reached = 1 + bisect_left(range(1, high), target, key=value)
    steps = [step for step in (reached - 1, reached) if step and value(step) < inf]
    return [Match(change(step), value(step), target) for step in steps]
