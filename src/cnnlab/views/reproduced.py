"""What came of making a run again."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from cnnlab.common.words import plural, shown
from cnnlab.runs.reproducing import Comparison

NAMED = 5


def print_comparison(there: Path, found: Comparison) -> None:
    """The sentence, the first numbers that differ, and what else is not as it was."""
    console = Console(highlight=False)
    numbers, steps = (plural(*pair) for pair in zip(found.of, ("number", "logged step"), strict=True))
    words = f"[green]{numbers} and {steps} as in[/]"
    if not found.same:
        words = f"[red]{len(found.results)} of {numbers} and {found.steps} of {steps} differ from[/]"
    lines = [f"[bold]{'reproduced':<15}[/]{words} {escape(str(there))}"]
    for key, (before, after) in list(found.results.items())[:NAMED]:
        lines.append(f"{'':<15}{escape(f'{key}: {shown(before)} there, {shown(after)} now')}")
    for key, (before, after) in found.circumstances.items():
        told = "another there" if key == "diff" else f"{shown(before)} there, {shown(after)} now"
        lines.append(f"[bold]{'not as it was':<15}[/]{escape(f'{key}: {told}')}")
    for line in lines:
        console.print(line, soft_wrap=True)
