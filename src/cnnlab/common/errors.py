"""User errors, and cases that the theory does not cover."""

import re
import traceback
from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """A user error; the message (one to five lines) gives the value, what is allowed and what to type instead.

    Entry points print it without a traceback and exit with 1. Any other exception is a bug in cnnlab.
    """


class NotApplicable(Exception):
    """The theory does not cover this network or initializer; the message is a clause that says why."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` for the closest allowed word, or an empty string if none is close."""
    near = get_close_matches(word, list(allowed), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def said(error: BaseException) -> str:
    """The first line of the error's message; its type where it has none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def raised_at(error: BaseException, *foreign: str) -> str:
    """`(mine/sets.py, line 3)`: the last line that ran outside of these files and folders; empty if there is none."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    own = next((frame for frame in frames if not frame.filename.startswith(foreign)), None)
    return f"({own.filename}, line {own.lineno})" if own else ""


def out_of_memory(error: BaseException | None) -> InputError | None:
    """What to say where memory, or a GPU's, was not enough; torch has no type for the former."""
    words = str(error)
    if not isinstance(error, MemoryError) and not ("allocate" in words and "memory" in words):
        return None
    asked = re.search(r"allocate ([\d.]+ ?\w*)", words)
    amount = asked[1].removesuffix("bytes").strip() if asked else ""
    if amount.isdigit():
        amount = f"{int(amount) / 2**30:,.1f} GiB"
    return InputError(
        f"There is not enough memory{f' for {amount} more' if amount else ''}.\n"
        "Give a smaller network, trainer.batch_size or dataset.size, or trainer.resident=false for the images."
    )
