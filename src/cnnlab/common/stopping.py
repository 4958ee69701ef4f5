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
REMINDER_S = 10  # after which a signal that nobody heard is raised again, wherever the program hangs


def stop(number: int, frame: Any) -> NoReturn:
    """A handler of signals."""
    _asked.append(number)
    sys.unraisablehook = lambda lost: None  # half-made objects complain when they go
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, REMINDER_S)
    raise KeyboardInterrupt


def heard() -> None:
    """Called where the KeyboardInterrupt is caught to write what there is: no reminder interrupts that."""
    if _asked and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def raise_if_asked() -> None:
    """Raise the KeyboardInterrupt that got lost, if one did."""
    if _asked:
        raise KeyboardInterrupt


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGINT (Ctrl-C) and SIGTERM (Slurm, docker, timeout) stop what runs inside. In the main thread only."""
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        heard()
        _asked.clear()
        for number, handler in before.items():
            signal.signal(number, handler)
