"""Findings as text for the terminal, and as markdown for TensorBoard."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cnnlab.diagnosis import Finding
from cnnlab.diagnosis.finding import told

OTHERS = 2  # further causes that are told


def markdown(findings: Sequence[Finding], otherwise: str) -> str:
    """`otherwise`: the text if there are no findings but notes."""
    lines = [
        f"{i}. **{f.title}** {_escaped(f.sentence)}  \n"
        f"   *Likely cause*: {_escaped(f.cause)}{_escaped(_because(f))}  \n"
        f"   *Try*: `{f.remedy.override}`"
        # Two trailing spaces are a line break in markdown.
        for i, f in enumerate(told(findings), start=1)
    ]
    notes = [f"*Note*: {_escaped(f.sentence)}" for f in findings if f.severity == "note"]
    return "\n".join([*(lines or [otherwise]), *notes])


def render(findings: Sequence[Finding], otherwise: str) -> RenderableType:
    """Most urgent first."""
    lines: list[RenderableType] = []
    known: dict[str, int] = {}  # cause: number of the finding that told it
    for i, finding in enumerate(told(findings), start=1):
        colour = "bold red" if finding.severity == "problem" else "bold yellow"
        lines.append(Text.assemble((f"{i}. {finding.title} ", colour), finding.sentence))
        if (before := known.setdefault(finding.causes[0].name, i)) != i:
            lines.append(_indented("likely cause: ", f"the same as of {before}"))
            continue
        lines += [
            _indented("likely cause: ", finding.cause + _because(finding)),
            _indented("try: ", finding.remedy.override, "cyan"),
        ]
        others = "; ".join(f"{cause.clause} ({cause.remedy.override})" for cause in finding.causes[1 : 1 + OTHERS])
        if others:
            lines.append(_indented("or: ", others))
    if not lines:
        word, _, rest = otherwise.partition(" ")
        lines.append(Text.assemble((f"{word} ", "bold green" if word == "Healthy." else "bold yellow"), rest))
    lines += [_indented("note: ", f.sentence) for f in findings if f.severity == "note"]
    return Group(*lines)


def _because(finding: Finding) -> str:
    """The evidence for the first cause, and what speaks against it."""
    cause = finding.causes[0]
    words = "; ".join(cause.supporting)
    if cause.opposing:
        words += f"; but {'; '.join(cause.opposing)}"
    return f" ({words})" if words else ""


def _indented(label: str, text: str, style: str = "") -> RenderableType:
    return Padding(Text.assemble((label, "dim"), (text, style)), (0, 0, 0, 3))


def _escaped(text: str) -> str:
    """Escape the underscores of layer names, which are italics in markdown."""
    return text.replace("_", "\\_")
