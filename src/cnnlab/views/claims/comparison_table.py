"""The comparisons behind a verdict as text, the same in markdown and in HTML."""

from cnnlab.claims.compared import Comparison
from cnnlab.claims.verdict import Verdict, seeds_in_words
from cnnlab.views.report.report_tables import NOT_KNOWN, TextTable, p_value

PLACE, ARM, OTHER, RUNS, INTERVAL, P = "where", "arm", "against", "runs", "95 %", "p, Holm"
OF_THE_OTHER = "of the other"
POINTS = " points"
SIGN = "A difference is positive where it speaks for the sentence."
WORST = "Every single run decides; the difference is that of the worst."


def comparison_table(verdict: Verdict) -> TextTable:
    """In the order of the sweep, without the columns that say nothing."""
    found = verdict.comparisons
    in_points = all(each.difference(each.value).endswith(POINTS) for each in found if each.value is not None)
    rows = []
    for each in found:
        row = [each.place, each.arm, each.other, str(each.n)]
        row += [NOT_KNOWN if value is None else each.figure(value) for value in (each.left, each.right)]
        row += [NOT_KNOWN if each.value is None else each.difference(each.value), _interval(each)]
        row = [cell.replace(POINTS, "") for cell in row] if in_points else row
        rows.append((*row, "" if each.p_holm is None else p_value(each.p_holm), _outcome(each)))
    headings = (PLACE, ARM, OTHER, RUNS, "of the arm", OF_THE_OTHER, "points" if in_points else "difference")
    table = TextTable((*headings, INTERVAL, P, "verdict"), tuple(rows), words=3)
    silent = [heading for i, heading in enumerate(table.headings) if not any(row[i] for row in rows)]
    return table.without(*silent)


def notes(verdict: Verdict) -> str:
    """What the numbers of the table are."""
    words = [] if verdict.claim.is_ == "equal" else [SIGN]
    return " ".join([*words, WORST] if verdict.claim.rule == "exact" else words)


def _outcome(found: Comparison) -> str:
    if found.outcome == "unknown":
        return f"{NOT_KNOWN}: {found.reason}"
    if found.outcome == "inconclusive" and found.seeds:
        return f"inconclusive, {seeds_in_words(found.seeds)}"
    return found.outcome


def _interval(found: Comparison) -> str:
    if found.interval is None:
        return ""
    low, high = map(found.difference, found.interval)
    return f"{low.removesuffix(POINTS)} to {high}"
