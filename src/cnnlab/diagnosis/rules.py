"""All rules in order, and the combined diagnosis."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from cnnlab.common.words import number
from cnnlab.diagnosis import learning, nonfinite, signal, units
from cnnlab.diagnosis.context import Context
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.finding import Finding

# Causes before consequences: what a later rule sees may be caused by what an earlier one found.
RULES: tuple[Callable[[Evidence], list[Finding]], ...] = (
    *units.RULES,
    *signal.RULES,
    *nonfinite.RULES,
    *learning.RULES,
)


def diagnose(history: Iterable[Mapping[str, float]], context: Context) -> list[Finding]:
    """What is wrong with the run so far, most urgent first; empty if no rule fires.

    `history`: one mapping per logged step, with the keys of metrics.jsonl; rules whose statistics are missing do not
    fire. Findings are ordered by step, causes before consequences within a step.
    """
    evidence = Evidence.read(history, context)
    findings = sorted((_typeable(f, context) for rule in RULES for f in rule(evidence)), key=lambda f: f.step)
    return [findings[0], *(_consequence(f, findings[0]) for f in findings[1:])] if findings else []


def _typeable(finding: Finding, context: Context) -> Finding:
    """A network that was written elsewhere has no `model.norm` to type."""
    setting = finding.remedy.setting
    if context.settings is None or not setting.startswith("model.") or setting in context.settings:
        return finding
    return replace(finding, remedy=replace(finding.remedy, exists=False))


def _consequence(finding: Finding, first: Finding) -> Finding:
    """Attribute a later problem to the first, so that remedies do not contradict each other."""
    if finding.step == first.step or "warning" in (finding.severity, first.severity):
        return finding
    cause = f"the first finding, {first.name.replace('_', ' ')}"
    return replace(finding, cause=cause, remedy=first.remedy)


def healthy(history: Iterable[Mapping[str, float]], context: Context) -> str:
    """One line for a run without findings, with its key numbers."""
    return f"Healthy. {_nothing_found(Evidence.read(history, context))}."


def _nothing_found(run: Evidence) -> str:
    parts = [f"No rule fired in {len(run.measured)} measured steps"]
    if run.measured and (profile := list(signal.signal(run.measured[-1]).values())):
        parts.append(f"signal {number(min(profile))} to {number(max(profile))} over {len(profile)} layers")
    losses = [record.loss for record in run.records if record.loss is not None]
    if losses:
        parts.append(f"loss {number(losses[0])} to {number(run.recent('train/loss'))}")
    return ", ".join(parts)


@dataclass(frozen=True)
class Diagnosis:
    """The findings in your own training loop; prints remedies as torch code."""

    findings: list[Finding]
    summary: str

    @classmethod
    def of(cls, history: Iterable[Mapping[str, float]], context: Context) -> "Diagnosis":
        rows = list(history)
        run = Evidence.read(rows, context)
        judged = any(record.loss is not None for record in run.records)
        unknown = "" if judged else "; no loss was recorded, so whether it learns is unknown"
        return cls(diagnose(rows, context), f"{_nothing_found(run)}{unknown}.")

    def __str__(self) -> str:
        if not self.findings:
            return self.summary
        return "\n".join(
            f"{i}. {f.title} {f.sentence}\n   likely cause: {f.cause}\n   try: {f.remedy.code}"
            for i, f in enumerate(self.findings, start=1)
        )
