"""How a verdict looks, the same in the terminal, in a figure and on a page: its sign, its colour, its headline."""

from dataclasses import dataclass

from cnnlab.claims.verdict import Verdict

NOT_RUN = "not run"


@dataclass(frozen=True)
class Look:
    """`variable`: of the page's style sheet; `style`: in the terminal."""

    sign: str
    variable: str
    style: str


# In the order in which they are counted. The sign tells what the colour tells.
LOOKS = {
    "holds": Look("✓", "good", "bold green"),
    "holds only when": Look("◐", "c0", "bold blue"),
    "no difference that matters": Look("≈", "muted", "bold"),
    "does not hold": Look("✗", "bad", "bold red"),
    "inconclusive": Look("?", "unsure", "bold yellow"),
    "not known": Look("⊘", "muted", "bold yellow"),
    NOT_RUN: Look("○", "muted", "dim"),
}


def headline(verdict: Verdict) -> str:
    """`"He suits relu." HOLDS ONLY WHEN 22 layers`"""
    word = verdict.word
    return f"“{verdict.claim.sentence}” {word.upper()}{verdict.short.removeprefix(word)}"
