"""A finding: what is wrong, in one sentence with numbers, the likely cause, and a remedy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cnnlab.diagnosis.remedies import Remedy

Severity = Literal["problem", "warning"]


@dataclass(frozen=True)
class Finding:
    """`step`: the first logged step that shows it. `numbers`: those of the sentence, for tables and tests."""

    name: str
    severity: Severity
    step: int
    sentence: str
    cause: str
    remedy: Remedy
    numbers: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.name.replace("_", " ").capitalize() + "."


def flat(findings: Sequence[Finding]) -> dict[str, float | str]:
    """Keys for results.json; `diagnosis/first` is the most urgent finding's name, or "healthy"."""
    result: dict[str, float | str] = {
        "diagnosis/first": findings[0].name if findings else "healthy",
        "diagnosis/count": len(findings),
    }
    for finding in findings:
        result[f"diagnosis/{finding.name}"] = finding.sentence
        result[f"diagnosis/{finding.name}/step"] = finding.step
        result[f"diagnosis/{finding.name}/override"] = finding.remedy.override
    return result
