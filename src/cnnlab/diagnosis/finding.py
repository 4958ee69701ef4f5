"""A finding: what is wrong, in one sentence with its numbers, why, and what to type."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

Severity = Literal["problem", "warning"]


@dataclass(frozen=True)
class Finding:
    """`step`: the first logged step that shows it. `numbers`: what the sentence says, for tables and tests."""

    name: str
    severity: Severity
    step: int
    sentence: str
    cause: str
    override: str
    numbers: Mapping[str, float | str] = field(default_factory=dict)


def flat(findings: Sequence[Finding]) -> dict[str, float | str]:
    """For results.json: `diagnosis/first` is the name of what to fix first, or "healthy"."""
    result: dict[str, float | str] = {
        "diagnosis/first": findings[0].name if findings else "healthy",
        "diagnosis/count": len(findings),
    }
    for finding in findings:
        result[f"diagnosis/{finding.name}"] = finding.sentence
        result[f"diagnosis/{finding.name}/step"] = finding.step
        result[f"diagnosis/{finding.name}/override"] = finding.override
    return result


def markdown(findings: Sequence[Finding], healthy: str) -> str:
    """For TensorBoard's TEXT; `healthy` is what to say where there are no findings."""
    if not findings:
        return healthy
    # Two spaces at the end of a line are markdown's line break.
    return "\n".join(
        f"{i}. **{title(f)}** {_spared(f.sentence)}  \n"
        f"   *Likely cause*: {_spared(f.cause)}  \n"
        f"   *Try*: `{f.override}`"
        for i, f in enumerate(findings, start=1)
    )


def render(findings: Sequence[Finding], healthy: str) -> RenderableType:
    """For a terminal: what to fix first stands first."""
    if not findings:
        return Text.assemble(("Healthy. ", "bold green"), healthy.removeprefix("Healthy. "))
    lines: list[RenderableType] = []
    for i, finding in enumerate(findings, start=1):
        colour = "bold red" if finding.severity == "problem" else "bold yellow"
        lines.append(Text.assemble((f"{i}. {title(finding)} ", colour), finding.sentence))
        lines.append(Padding(Text.assemble(("likely cause: ", "dim"), finding.cause), (0, 0, 0, 3)))
        lines.append(Padding(Text.assemble(("try: ", "dim"), (finding.override, "cyan")), (0, 0, 0, 3)))
    return Group(*lines)


def title(finding: Finding) -> str:
    return finding.name.replace("_", " ").capitalize() + "."


def number(value: float) -> str:
    """Two digits, as people write them: 0.0031, 5.2e-11, 240, 6.6e+05."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    if 1e-4 <= abs(value) < 1e4:
        digits = max(0, 1 - math.floor(math.log10(abs(value))))
        return f"{round(value, digits):.{digits}f}"
    return f"{value:.1e}"


def percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _spared(text: str) -> str:
    """Layer names hold underscores, which markdown would take for italics."""
    return text.replace("_", "\\_")
