"""Output that nobody reads any more, as before `| head`: the command ends without a word, like the tools of Unix."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any

UNREAD = 128 + getattr(signal, "SIGPIPE", 13)  # the exit code that a shell shows for those


class _Stream:
    """All that `stream` is; but what nobody reads ends the command by SystemExit, of which nothing is printed. Of a
    BrokenPipeError, Hydra and Python print a traceback, and rich makes exit code 1."""

    def __init__(self, stream: Any):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        return self._do(self._stream.write, text)

    def flush(self) -> None:
        self._do(self._stream.flush)

    def _do(self, act: Callable[..., Any], *arguments: str) -> Any:
        try:
            return act(*arguments)
        except BrokenPipeError:
            # Python writes what is left when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            raise SystemExit(UNREAD) from None


def _fill_places() -> None:
    """A command may be started without streams, as by `>&-` or a daemon. What is opened next would take their place,
    and what a library in C prints would be written into it."""
    while (place := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(place)


@contextmanager
def quiet_if_unread() -> Iterator[None]:
    """Around a command that prints; exit code `UNREAD` where what reads its output ended first."""
    if sys.stdout is None or sys.stderr is None:
        _fill_places()
    with ExitStack() as stack:
        nowhere = stack.enter_context(open(os.devnull, "w"))
        out, err = (_Stream(nowhere if stream is None else stream) for stream in (sys.stdout, sys.stderr))
        stack.enter_context(redirect_stdout(out))  # type: ignore[type-var]
        stack.enter_context(redirect_stderr(err))  # type: ignore[type-var]
        try:
            yield
        finally:
            out.flush()
            err.flush()
