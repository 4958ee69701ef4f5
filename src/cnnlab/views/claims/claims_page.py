"""All claims and their verdicts as one HTML file that needs nothing else: docs/claims.html."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cnnlab.views.claims.catalogue import ClaimEntry, counted, grouped, introduction, other_facts, summary
from cnnlab.views.claims.comparison_table import comparison_table, notes
from cnnlab.views.claims.verdict_figure import CAPTION, verdict_figure
from cnnlab.views.claims.verdict_look import LOOKS
from cnnlab.views.web_page import render

TEMPLATE = Path(__file__).with_name("claims.html.j2")


def claims_page(entries: Sequence[ClaimEntry], facts: Mapping[str, str]) -> str:
    """`facts`: as `introduction` reads them; the others are listed."""
    judged = {entry.name: entry.verdict for entry in entries if entry.verdict}
    return render(
        TEMPLATE,
        groups=grouped(entries),
        counts=counted(entries),
        looks=LOOKS,
        introduction=introduction(entries, facts),
        summary=summary(entries),
        facts=other_facts(facts),
        caption=CAPTION,
        figures={name: verdict_figure(verdict, name) for name, verdict in judged.items()},
        tables={name: comparison_table(verdict) for name, verdict in judged.items()},
        notes={name: notes(verdict) for name, verdict in judged.items()},
    )
