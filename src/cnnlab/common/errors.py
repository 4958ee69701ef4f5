"""What a user typed or supplied and cannot be used, and what a theory does not cover."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """A user's mistake: one to five lines that give the value, what is allowed and what to type instead.

    Entries print it without a traceback and exit with 1. Everything else that is raised is a defect of cnnlab.
    """


class NotApplicable(Exception):
    """The theory says nothing about this network or initializer; the message says why, in a clause."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` for the nearest allowed word, or an empty string if none is near."""
    near = get_close_matches(word, list(allowed), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""
