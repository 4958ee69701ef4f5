"""The verdict in plain words: what keeps a network from learning, what to fix first, and what to type.

`diagnose(history, context)` looks at the logged steps (the rows of metrics.jsonl) at any time of a run. The
rules, each with its thresholds and their reasons, are functions of one `Evidence`:

symmetry, dead units, saturation    units.py        vanishing and exploding signals    signal.py
updates, chance, overfitting        learning.py     the first NaN                      nonfinite.py
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from cnnlab.diagnosis.evidence import Context as Context
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import Finding as Finding
from cnnlab.diagnosis.finding import flat as flat
from cnnlab.diagnosis.finding import markdown as markdown
from cnnlab.diagnosis.finding import number
from cnnlab.diagnosis.finding import render as render
from cnnlab.diagnosis.learning import chance, overfitting, updates
from cnnlab.diagnosis.nonfinite import nonfinite
from cnnlab.diagnosis.signal import backward, forward, signal
from cnnlab.diagnosis.units import dead, saturation, symmetry

# Causes before consequences: a rule further down may only see what one further up has done.
RULES: tuple[Callable[[Evidence], list[Finding]], ...] = (
    *(symmetry, dead, forward, saturation, backward, updates, nonfinite, chance, overfitting),
)


def diagnose(history: Iterable[Mapping[str, float]], context: Context) -> list[Finding]:
    """What is wrong with the run so far, what to fix first first; an empty list is a healthy run.

    `history`: one mapping a logged step with the keys of metrics.jsonl; statistics that are missing silence
    their rules. What showed at an earlier step comes first, and among those of one step the cause.
    """
    evidence = Evidence.read(history, context)
    findings = sorted((f for rule in RULES for f in rule(evidence)), key=lambda f: f.step)
    return [findings[0], *(_consequence(f, findings[0]) for f in findings[1:])] if findings else []


def _consequence(finding: Finding, first: Finding) -> Finding:
    """A later problem most likely follows from the first; two contradicting things to try would help nobody."""
    if finding.step == first.step or "warning" in (finding.severity, first.severity):
        return finding
    cause = f"most likely what was found first: {first.name.replace('_', ' ')}"
    return replace(finding, cause=cause, override=first.override)


def healthy(history: Iterable[Mapping[str, float]], context: Context) -> str:
    """One line for a run without findings, with the numbers that say so."""
    run = Evidence.read(history, context)
    parts = [f"Healthy. No rule found anything in {len(run.measured)} measured steps"]
    if run.measured and (profile := list(signal(run.measured[-1]).values())):
        parts.append(f"signal {number(min(profile))} to {number(max(profile))} over {len(profile)} layers")
    losses = [m.loss for m in run.moments if m.loss is not None]
    if losses:
        parts.append(f"loss {number(losses[0])} to {number(run.recent('train/loss'))}")
    return ", ".join(parts) + "."
