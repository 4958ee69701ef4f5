"""The other tools' row of the page: the same counts, as far as their alarms go."""

from collections.abc import Sequence

from diagnosis_parts.faults import FAULTS
from diagnosis_parts.jobs import Outcome
from diagnosis_parts.measured import Measured
from diagnosis_parts.others import AUDITED_EVERY, TOOLS, means, versions, without_style
from diagnosis_parts.scores import rate

HEAD = """{versions}, in a plain loop with the network, batches, optimizer and schedule of each run; warnings and
errors count, notes do not. torch-audit looks at every {every}th step, since its default of 1,000 would see the first
alone; its second row leaves out its advice on speed and style (TA2xx, TA400 to TA404). What their alarms may mean was
written down beforehand, generously (`MEANINGS` in `scripts/diagnosis_parts/others.py`); the first is the most severe.
Runs that cnnlab refuses are left out. Each count is of the runs on which a tool was tried (`--others`): of none in a
set without its rows, and of a random part of the healthy runs where that was stopped before its end."""


def others_table(sets: Sequence[Measured]) -> str:
    lines = ["| tool | set | false alarms, healthy runs | found, harmful runs | cause named first | raised |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for m in sets:
        rows = {"cnnlab": _cnnlab(m)} | {tool: _other(m, tool, style=True) for tool in TOOLS if m.others}
        if m.others:
            rows["torch-audit without style"] = _other(m, "torch-audit", style=False)
        lines += [f"| {tool} | {m.set_name} | {' | '.join(cells)} |" for tool, cells in rows.items()]
    named = " and ".join(f"{tool} {number}" for tool, number in versions().items())
    return HEAD.format(versions=named, every=AUDITED_EVERY) + "\n\n" + "\n".join(lines)


def _cnnlab(m: Measured) -> list[str]:
    return [str(m.false_alarms), str(m.recall), str(m.named), "0"]


def _other(m: Measured, tool: str, style: bool) -> list[str]:
    def alarms(outcome: Outcome) -> list[str] | None:
        names = m.others.get(outcome["key"], {}).get(tool)
        if not isinstance(names, list):
            return None
        return names if style else without_style(names)

    healthy = [names for o in m.healthy if (names := alarms(o)) is not None]
    harmful = [(o, names) for o in m.harmful if (names := alarms(o)) is not None]
    raised = sum(isinstance(line.get(tool), str) for line in m.others.values())
    return [
        str(rate(healthy, bool)),
        str(rate(harmful, lambda pair: pair[1])),
        str(rate(harmful, lambda pair: means(pair[1], FAULTS[pair[0]["name"]].causes))),
        str(raised),
    ]
