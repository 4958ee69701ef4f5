"""Matches one design to another in one budget, so that they can be compared in the others."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any

from cnnlab.common.errors import InputError
from cnnlab.networks import geometry

MAX_CHANNELS = 2**16  # total channels at which the search gives up

Value = int | float
Changes = dict[str, Any]
ValueOf = Callable[[Changes], Value]


@dataclass(frozen=True)
class Match:
    """`changes`: knobs and their new values; empty if the model matched already."""

    changes: Changes
    value: Value
    target: Value

    @property
    def off(self) -> float:
        """Relative deviation of the value from the target."""
        return self.value / self.target - 1


def budget(name: str, network: Any, image_shape: tuple[int, int, int]) -> Value:
    """parameters | macs | memory (bytes kept for the backward pass) | receptive_field (longer side, pixels)."""
    match name:
        case "parameters":
            value = geometry.parameters(network)
        case "macs":
            value = geometry.macs(network, image_shape)
        case "memory":
            value = geometry.saved_bytes(network, image_shape)
        case "receptive_field":
            field = geometry.receptive_field(geometry.rows(network, image_shape))
            value = None if field is None else max(field)
        case _:
            raise KeyError(name)
    if value is None:
        raise InputError(
            f"match={name} is known only for networks whose layers form a chain; one of these has another structure.\n"
            "Use match=parameters or match=macs."
        )
    return value


def match_width(channels: Sequence[int], value_of: ValueOf, target: Value) -> Match:
    """Scale all `channels` by one factor, rounded to integers >= 1, to come closest to the target.

    `value_of(changes)`: the budget of the model with these knobs; must increase with the width.
    """
    total = sum(channels)

    def scaled(step: int) -> Changes:
        widths = [max(1, round(c * step / total)) for c in channels]
        return {} if widths == list(channels) else {"channels": widths}

    return min(_nearest(scaled, value_of, target, MAX_CHANNELS), key=lambda match: abs(match.off))


def match_field(depth: int | Sequence[int], value_of: ValueOf, target: Value) -> Match:
    """Change the convolutions per block (of the last block only, if `depth` is a list); if no depth gives the field
    exactly, the kernel size of all blocks; if neither does, take the closest depth.
    """
    unchanged = Match({}, value_of({}), target)

    def with_depth(layers: int) -> Changes:
        return {"convs_per_block": layers if isinstance(depth, int) else [*depth[:-1], layers]}

    depths = [unchanged, *_nearest(with_depth, value_of, target, int(target))]
    kernels = _nearest(lambda size: {"kernel_size": size}, value_of, target, int(target))
    exact = [match for match in (*depths, *kernels) if match.value == target]
    return exact[0] if exact else min(depths, key=lambda match: abs(match.off))


def _nearest(change: Callable[[int], Changes], value_of: ValueOf, target: Value, most: int) -> list[Match]:
    """The last step in 1..`most` below the target and the first that reaches it. Changes that the model rejects (a
    kernel larger than its map) count as above the target.
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
