"""One cell of the table."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

# checked: every number is another method's; partly: those that are there are; unknown: cnnlab says why it does not
# know; unseen: there is a number, and no other method to check it; wrong: another method says otherwise.
Kind = Literal["checked", "partly", "unknown", "unseen", "wrong"]


@dataclass(frozen=True)
class Cell:
    text: str
    kind: Kind = "checked"
    notes: tuple[str, ...] = ()


def wrong(*sentences: str) -> Cell:
    """Loud; at most four sentences, which give both values."""
    more = f"and {len(sentences) - 4} more" if len(sentences) > 4 else None
    return Cell("**WRONG**", "wrong", tuple(filter(None, (*sentences[:4], more))))


def grouped(reasons: Iterable[str], one: str, many: str) -> tuple[str, ...]:
    """`2 layers: reason`, once for each reason."""
    return tuple(f"{n} {one if n == 1 else many}: {why}" for why, n in Counter(reasons).items())
