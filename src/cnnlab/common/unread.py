"""Output that nobody reads any more, as before `| head`: the command ends without a word, like the tools of Unix."""

import codecs
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

UNREAD = 128 + getattr(signal, "SIGPIPE", 13)  # the exit code that a shell shows for those

IN_ASCII = "cnnlab_in_ascii"
SIGNS = {"“": '"', "”": '"', "’": "'", "•": "*", "·": "*", "…": "...", "–": "-", "²": "^2", "≈": "~"}  # noqa: RUF001


def _in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    """A handler of letters that cannot be encoded; a sign by sign, as far as SIGNS has them."""
    assert isinstance(error, UnicodeEncodeError)
    if (sign := SIGNS.get(error.object[error.start])) is not None:
        return sign, error.start + 1
    one = UnicodeEncodeError(error.encoding, error.object, error.start, error.start + 1, error.reason)
    return codecs.backslashreplace_errors(one)


codecs.register_error(IN_ASCII, _in_ascii)


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
            self._leave()
            raise SystemExit(UNREAD) from None
        except OSError as error:  # a full disk, or a terminal that is gone
            self._leave()
            raise SystemExit(f"The output cannot be written: {error.strerror}.") from None

    def _leave(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


@contextmanager
def quiet_if_unread() -> Iterator[None]:
    """Around a command that prints; exit code `UNREAD` where what reads its output ended first.

    What the terminal's encoding lacks is written as the sign in ASCII that comes close, as for quotation marks, and
    else, as a letter, by its number.
    """
    _open_closed()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell, as `>&-`
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif getattr(stream, "errors", None) == "strict":
            stream.reconfigure(errors=IN_ASCII)
    out, err = _Stream(sys.stdout), _Stream(sys.stderr)
    with redirect_stdout(out), redirect_stderr(err):  # type: ignore[type-var]
        try:
            yield
        finally:
            out.flush()
            err.flush()


def _open_closed() -> None:
    """What the shell has closed, lest a pipe of a sweep get its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
