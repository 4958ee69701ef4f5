"""All rules in their order, and what they say together."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from cnnlab.common.words import number
from cnnlab.diagnosis import learning, nonfinite, signal, units
from cnnlab.diagnosis.context import Context
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import Finding

# Causes before consequences: a rule further down may only see what one further up has done.
RULES: tuple[Callable[[Evidence], list[Finding]], ...] = (
    *units.RULES,
    *signal.RULES,
    *nonfinite.RULES,
    *learning.RULES,
)


def diagnose(history: Iterable[Mapping[str, float]], context: Context) -> list[Finding]:
    """What is wrong with the run so far, what to fix first first; an empty list where no rule finds anything.

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
    return replace(finding, cause=cause, remedy=first.remedy)


def healthy(history: Iterable[Mapping[str, float]], context: Context) -> str:
    """One line for a run without findings, with the numbers that say so."""
    return f"Healthy. {_nothing_found(Evidence.read(history, context))}."


def _nothing_found(run: Evidence) -> str:
    parts = [f"No rule found anything in {len(run.measured)} measured steps"]
    if run.measured and (profile := list(signal.signal(run.measured[-1]).values())):
        parts.append(f"signal {number(min(profile))} to {number(max(profile))} over {len(profile)} layers")
    losses = [record.loss for record in run.records if record.loss is not None]
    if losses:
        parts.append(f"loss {number(losses[0])} to {number(run.recent('train/loss'))}")
    return ", ".join(parts)


@dataclass(frozen=True)
class Diagnosis:
    """The findings of somebody else's training loop, worded as torch code when printed."""

    findings: list[Finding]
    summary: str

    @classmethod
    def of(cls, history: Iterable[Mapping[str, float]], context: Context) -> "Diagnosis":
        rows = list(history)
        run = Evidence.read(rows, context)
        judged = any(record.loss is not None for record in run.records)
        unknown = "" if judged else "; no loss was recorded, so whether it learns is not known"
        return cls(diagnose(rows, context), f"{_nothing_found(run)}{unknown}.")

    def __str__(self) -> str:
        if not self.findings:
            return self.summary
        return "\n".join(
            f"{i}. {f.title} {f.sentence}\n   likely cause: {f.cause}\n   try: {f.remedy.code}"
            for i, f in enumerate(self.findings, start=1)
        )
