"""A sweep's report as markdown."""

from cnnlab.claims.circumstances import arm_command, circumstances, sweep_commands
from cnnlab.claims.groups import TRAINED
from cnnlab.claims.study import Study
from cnnlab.views.claims.comparison_table import comparison_table, notes
from cnnlab.views.claims.verdict_look import headline
from cnnlab.views.report.report_tables import (
    RUNS_TRAINED,
    TextTable,
    cost_table,
    diagnosis_table,
    difference_table,
    failure_table,
    group_table,
    meanings,
    noise_sentence,
    tune_table,
    tune_warnings,
)

METHODS = (
    "Intervals are 95 %: Student's t for means, Welch's for differences of independent groups (Student's t of the "
    "differences where the experiment was declared paired), Wilson's for shares. Two arms are called different only if "
    "the p value, adjusted by Holm's method for all pairs compared, is below 0.05; the intervals are not adjusted. "
    "Numbers of seeds are for 80 % power if the difference seen is the true one."
)


def markdown_report(study: Study) -> str:
    level = "##" if study.verdict else "#"
    parts = [*_verdict(study), f"{level} {escaped(study.answer)}", *map(escaped, study.caveats)]
    parts.append(f"Compared: {study.metric.name}.")
    groups = group_table(study)
    parts += [markdown_table(groups), _legend(groups.without(RUNS_TRAINED)), noise_sentence(study), TRAINED]
    many = len(study.differences) > 15
    found = study.with_the_best if many else study.differences
    differences = difference_table(found)
    _add(parts, "Differences" + (" from the best" if many else ""), differences)
    parts += [_legend(differences.without(*groups.headings)), METHODS]
    _add(parts, "Diagnosis", diagnosis_table(study))
    _add(parts, "Cost", cost_table(study))
    _add(parts, "Tuning", tune_table(study))
    parts += [f"**{escaped(warning)}**" for warning in tune_warnings(study)]
    _add(parts, "Runs that did not complete", failure_table(study))
    parts += ["## To repeat", "```bash\n" + "\n".join(commands(study)) + "\n```"]
    parts.append("\n".join(f"- {name}: {escaped(text)}" for name, text in circumstances(study.experiment).items()))
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(study: Study) -> list[str]:
    """On the claim that the sweep tests, if it does."""
    if not study.verdict:
        return []
    table, words = comparison_table(study.verdict), notes(study.verdict)
    parts = [f"# {escaped(headline(study.verdict))}", escaped(study.verdict.sentence), study.verdict.guessed or ""]
    return [*parts, markdown_table(table), words]


def commands(study: Study) -> list[str]:
    """The sweep's, then one for each arm."""
    lines = sweep_commands(study.experiment)
    for group in study.ranked:
        command = arm_command(group, study.experiment)
        lines.append(f"# {group.name}")
        lines.append(command or f"# how it was called is not known; its settings: {group.runs[0].folder}/config.yaml")
    return lines


def _add(parts: list[str], heading: str, table: TextTable) -> None:
    if table:
        parts += [f"## {heading}", markdown_table(table)]


def _legend(table: TextTable) -> str:
    return "\n".join(f"- {heading}: {words}" for heading, words in meanings(table).items())


def markdown_table(table: TextTable) -> str:
    rule = ["---" if i < table.words or head == "verdict" else "---:" for i, head in enumerate(table.headings)]
    rows = [table.headings, rule, *table.rows]
    return "\n".join("| " + " | ".join(escaped(cell) for cell in row) + " |" for row in rows)


def escaped(text: str) -> str:
    for sign in ("\\", "|", "_", "*", "<", "`"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.splitlines())
