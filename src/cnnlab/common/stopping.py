"""Stopping by SIGINT and SIGTERM as KeyboardInterrupt, also where Python swallows it.

An exception that a signal's handler raises inside a callback of the garbage collector, or of a library written in C, is
lost: about one in thirty. Long loops therefore call `raise_if_asked` in every round.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

_asked: list[int] = []


def stop(number: int, frame: Any) -> NoReturn:
    """A handler of signals."""
    _asked.append(number)
    raise KeyboardInterrupt


def raise_if_asked() -> None:
    """Raise the KeyboardInterrupt that got lost, if one did."""
    if _asked:
        raise KeyboardInterrupt


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGINT (Ctrl-C) and SIGTERM (Slurm, docker, timeout) stop what runs inside. In the main thread only."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda lost: None if lost.exc_type is KeyboardInterrupt else hook(lost)
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        sys.unraisablehook = hook
        _asked.clear()
        for number, handler in before.items():
            signal.signal(number, handler)
