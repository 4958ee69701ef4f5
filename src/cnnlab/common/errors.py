"""User errors, and cases that the theory does not cover."""

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
