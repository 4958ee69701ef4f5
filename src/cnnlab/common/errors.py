"""User errors, and cases that the theory does not cover."""

import re
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
    words = {known.lower(): known for known in allowed}
    near = get_close_matches(word.lower(), list(words), n=1)
    return f" Did you mean '{words[near[0]]}'?" if near else ""


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
