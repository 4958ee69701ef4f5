"""All claims and their verdicts as markdown: docs/claims.md."""

from collections.abc import Mapping, Sequence

from cnnlab.views.claims.catalogue import ClaimEntry, grouped, introduction, other_facts, summary
from cnnlab.views.claims.comparison_table import comparison_table, notes
from cnnlab.views.claims.verdict_look import LOOKS
from cnnlab.views.report.report_markdown import escaped, markdown_table


def claims_markdown(entries: Sequence[ClaimEntry], facts: Mapping[str, str]) -> str:
    """`facts`: as `introduction` reads them; the others are listed."""
    groups = grouped(entries)
    parts = ["# Claims and verdicts", *map(escaped, introduction(entries, facts)), summary(entries)]
    parts.append(_listed(other_facts(facts)))
    for heading, own in groups.items():
        parts += [f"## {heading}", _overview(own)]
    for heading, own in groups.items():
        parts.append(f"## {heading}: the evidence")
        parts += [_details(entry) for entry in own]
    return "\n\n".join(part for part in parts if part) + "\n"


def _overview(entries: Sequence[ClaimEntry]) -> str:
    lines = ["| sentence | verdict | evidence | command |", "| --- | --- | --- | --- |"]
    for entry in entries:
        sentence = f"[{escaped(entry.claim.sentence)}](#{entry.name})" + (" (lecture)" if entry.claim.lecture else "")
        verdict = f"{LOOKS[entry.word].sign} {_short(entry)}"
        command = entry.command.replace("|", "\\|")
        lines.append(f"| {sentence} | {verdict} | {escaped(entry.evidence)} | `{command}` |")
    return "\n".join(lines)


def _details(entry: ClaimEntry) -> str:
    lecture = " (lecture)" if entry.claim.lecture else ""
    parts = [
        f"### {entry.name}",
        f"“{escaped(entry.claim.sentence)}”{lecture} {_short(entry)}",
        escaped(entry.evidence),
    ]
    if entry.verdict:
        parts += [markdown_table(comparison_table(entry.verdict)), notes(entry.verdict)]
    report = f"[{entry.report.name}]({entry.report.as_posix()})" if entry.report else ""
    known = {"expected": escaped(entry.expected), "smallest difference that matters": entry.margin}
    known |= {
        "tuned": escaped(entry.tuned),
        "runs": entry.cost,
        **{heading: escaped(text) for heading, text in entry.facts.items()},
    }
    parts += [_listed(known | {"report": report}, ready=True), f"```bash\n{entry.command}\n```"]
    return "\n\n".join(part for part in parts if part)


def _short(entry: ClaimEntry) -> str:
    return f"**{entry.word}**{escaped(entry.short.removeprefix(entry.word))}"


def _listed(facts: Mapping[str, str], ready: bool = False) -> str:
    """`ready`: already escaped."""
    return "\n".join(f"- {heading}: {text if ready else escaped(text)}" for heading, text in facts.items() if text)
