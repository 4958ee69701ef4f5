"""Findings as text for the terminal, and as markdown for TensorBoard."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cnnlab.diagnosis import Finding


def markdown(findings: Sequence[Finding], healthy: str) -> str:
    """`healthy`: the text if there are no findings."""
    if not findings:
        return healthy
    # Two trailing spaces are a line break in markdown.
    return "\n".join(
        f"{i}. **{f.title}** {_escaped(f.sentence)}  \n"
        f"   *Likely cause*: {_escaped(f.cause)}  \n"
        f"   *Try*: `{f.remedy.override}`"
        for i, f in enumerate(findings, start=1)
    )


def render(findings: Sequence[Finding], healthy: str) -> RenderableType:
    """Most urgent first."""
    if not findings:
        return Text.assemble(("Healthy. ", "bold green"), healthy.removeprefix("Healthy. "))
    lines: list[RenderableType] = []
    for i, finding in enumerate(findings, start=1):
        colour = "bold red" if finding.severity == "problem" else "bold yellow"
        lines.append(Text.assemble((f"{i}. {finding.title} ", colour), finding.sentence))
        lines.append(Padding(Text.assemble(("likely cause: ", "dim"), finding.cause), (0, 0, 0, 3)))
        lines.append(Padding(Text.assemble(("try: ", "dim"), (finding.remedy.override, "cyan")), (0, 0, 0, 3)))
    return Group(*lines)


def _escaped(text: str) -> str:
    """Escape the underscores of layer names, which are italics in markdown."""
    return text.replace("_", "\\_")
