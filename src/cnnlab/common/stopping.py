"""Stopping by a signal as KeyboardInterrupt, between two steps of what must not be torn, also where Python swallows it.

An exception that a signal's handler raises inside a callback of the garbage collector, or of a library written in C, is
lost: about one in thirty. Long loops therefore call `raise_if_asked` in every round.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import sleep
from typing import Any, NoReturn

_asked: list[tuple[int, str]] = []  # signals to stop, with reasons
_to_save: list[int] = []  # signals to save
_patient = 0
GRACE_S = 20  # for a process that is told to stop, to write what it has
REMINDER_S = 10  # after which a signal that nobody heard is raised again, wherever the program hangs
STOPS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stopped(KeyboardInterrupt):
    """Raised for signal `number`; a shell shows exit code 128 + `number`."""

    def __init__(self, number: int, reason: str = ""):
        super().__init__(reason or f"stopped by {signal.Signals(number).name}")
        self.number = number

    def __reduce__(self) -> tuple:
        return type(self), (self.number, str(self))


def ask(number: int, reason: str = "") -> None:
    """Stop for signal `number`: at once, or inside `patiently` where the loop asks, and at once if asked again."""
    _asked.append((number, reason))
    sys.unraisablehook = lambda lost: None  # half-made objects complain when they go
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, REMINDER_S)
    if not _patient or len(_asked) > 1:
        raise Stopped(*_asked[0])


def stop(number: int, frame: Any) -> None:
    """A handler of signals."""
    ask(number)


def stop_once(number: int, frame: Any) -> None:
    """A handler for a process that is told by several others: it need not be told at once."""
    if not _asked:
        ask(number)


def how_it_ended(code: int | None) -> str:
    """An exit code of a process, in words."""
    if code is not None and code - 128 in STOPS:
        return str(Stopped(code - 128))
    if code is None or code >= 0:
        return f"its process ended with exit code {code}"
    words = f"killed by {signal.Signals(-code).name}"
    return f"{words} (out of memory?)" if words.endswith("SIGKILL") else words


def end_with_parent() -> None:
    """From now on this process stops when its parent is gone, however it went: nobody would look at what it trains."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    from multiprocessing import parent_process  # not where commands begin, all of which import this file
    from multiprocessing.connection import wait

    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    sleep(1)  # where the system tells it as well
    if not asked():
        os.kill(os.getpid(), signal.SIGTERM)
    sleep(GRACE_S)
    os._exit(1)


@contextmanager
def patiently() -> Iterator[None]:
    """What runs inside calls `raise_if_asked` where it can be stopped without loss, and is stopped only there."""
    global _patient
    _patient += 1
    try:
        yield
    finally:
        _patient -= 1


def heard() -> None:
    """Called where the KeyboardInterrupt is caught to write what there is: no reminder interrupts that."""
    if _asked and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def asked() -> int:
    """The number of the signal to stop for; 0 if there was none."""
    return _asked[0][0] if _asked else 0


def raise_if_asked() -> None:
    """Raise the KeyboardInterrupt that is due: it got lost, or was held back by `patiently`."""
    if _asked:
        raise Stopped(*_asked[0])


def raise_stopped(number: int) -> NoReturn:
    """For signal `number`, which this process or another of its run was asked with."""
    raise_if_asked()
    raise Stopped(number)


def asked_to_save() -> bool:
    """Whether SIGUSR2 came since this was asked last."""
    due = bool(_to_save)
    _to_save.clear()
    return due


def quiet_at_once() -> None:
    """Ctrl-C while a command is imported, before `stoppable`, ends it at once: nothing has begun, and an exception can
    get lost in what is imported."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(128 + number))


@contextmanager
def stoppable(handler: Callable[[int, Any], None] = stop) -> Iterator[None]:
    """SIGINT (Ctrl-C), SIGTERM (Slurm, docker, timeout) and SIGHUP (a closed terminal) stop what runs inside; SIGUSR2
    asks it to save. In the main thread only; under `nohup`, SIGHUP stays ignored."""
    ignored = {number for number in STOPS[2:] if signal.getsignal(number) is signal.SIG_IGN}
    handlers: dict[int, Any] = {number: handler for number in STOPS if number not in ignored}
    if hasattr(signal, "SIGUSR2"):
        handlers[signal.SIGUSR2] = lambda number, frame: _to_save.append(number)
    before = {number: signal.signal(number, hear) for number, hear in handlers.items()}
    try:
        yield
    except (Exception, SystemExit):
        raise_if_asked()  # what was interrupted in the middle of an import goes wrong in odd ways
        raise
    finally:
        heard()
        _asked.clear()
        _to_save.clear()
        for number, earlier in before.items():
            signal.signal(number, earlier)
