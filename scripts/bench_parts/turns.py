"""Loops of one process that take turns, so that drift of the machine within seconds affects all of them equally."""

from collections.abc import Callable, Iterator, Mapping
from time import perf_counter

import torch

# Steps per turn, as large as a round allows for what a change of loops costs not to matter.
TURN = 10

Steps = Iterator[object]
# {variant: seconds per step, of each round}
Times = dict[str, list[float]]


def take_turns(
    loops: Mapping[str, Steps],
    steps: int,
    rounds: int,
    warm_up: int,
    before: Mapping[str, Callable[[], None]] | None = None,
) -> Times:
    """Seconds per step of each loop, per round of `steps` steps. `warm_up`: steps before, but no more than a round has.
    `before`: called before each turn of a loop."""
    before = before or {}
    warm_up = min(warm_up, steps)
    times: Times = {name: [] for name in loops}
    for name, loop in loops.items():
        before.get(name, _nothing)()
        _timed(loop, warm_up)
    for _ in range(rounds):
        total = dict.fromkeys(loops, 0.0)
        for done in range(0, steps, TURN):
            for name, loop in loops.items():
                before.get(name, _nothing)()
                total[name] += _timed(loop, min(TURN, steps - done))
        for name, seconds in total.items():
            times[name].append(seconds / steps)
    return times


def planned(steps: int, rounds: int, warm_up: int) -> int:
    """The steps that `take_turns` takes of each loop."""
    return warm_up + steps * rounds


def _nothing() -> None:
    pass


def _timed(loop: Steps, steps: int) -> float:
    began = perf_counter()
    for _ in range(steps):
        next(loop)
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return perf_counter() - began
