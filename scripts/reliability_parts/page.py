"""docs/reliability.md."""

import platform
from collections import Counter
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version

from reliability_parts.kills import KINDS, Outcome


def summary(outcomes: Sequence[Outcome], faults: Sequence[tuple[str, str]]) -> str:
    """A table of the kills, and one of the other faults."""
    lines = ["| killed by | while | runs | as if never stopped |", "| --- | --- | --- | --- |"]
    for kind in KINDS:
        own = [outcome for outcome in outcomes if outcome.kind == kind]
        for during, count in sorted(Counter(outcome.during for outcome in own).items()):
            equal = sum(outcome.during == during and not outcome.differs for outcome in own)
            lines.append(f"| {kind} | {during} | {count} | {equal} of {count} |")
        lines.append(f"| **{kind}** | **all** | **{len(own)}** | **{sum(not o.differs for o in own)} of {len(own)}** |")
    lines += ["", "| fault | outcome |", "| --- | --- |", *(f"| {name} | {outcome} |" for name, outcome in faults)]
    return "\n".join(lines)


def page(outcomes: Sequence[Outcome], faults: Sequence[tuple[str, str]]) -> str:
    made = f"{date.today().isoformat()}, cnnlab {version('cnnlab')}, torch {version('torch')}"
    worst = [f"- {outcome}" for outcome in outcomes if outcome.differs] or ["- none"]
    return f"""# What is lost

Runs are killed at random moments, their command is given again, and what they leave is compared with a run that was
never stopped: results.json but for times, metrics.jsonl byte by byte, weights and optimizer of both checkpoints bit by
bit, every curve in TensorBoard. `make reliability` writes this page; it was not edited.
{made}, Python {platform.python_version()}, one thread per run.

{summary(outcomes, faults)}

## Not equal

{chr(10).join(worst)}
"""
