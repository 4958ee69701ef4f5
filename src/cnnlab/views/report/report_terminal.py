"""A sweep's report in the terminal: the answer first."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from cnnlab.claims.study import Study
from cnnlab.claims.verdict import Verdict
from cnnlab.common.words import dashboard_command, shortened
from cnnlab.views.claims.comparison_table import ARM, OF_THE_OTHER, OTHER, RUNS, P, comparison_table, notes
from cnnlab.views.claims.verdict_look import LOOKS, headline
from cnnlab.views.report.report_tables import (
    BEST,
    EFFECT,
    FLOOR,
    LOG,
    TextTable,
    difference_table,
    failure_table,
    group_table,
    meanings,
    noise_sentence,
    tune_warnings,
)

_COLOURS = {"failed": "red", "damaged": "red", "diverged": "red", "interrupted": "yellow", "missing": "dim"}
SPARED = (FLOOR, EFFECT, BEST)
LONGEST_WORD = 16  # "distinguishable;" and less; what is longer, such as a list of channels, may be broken
MOST = 20  # rows; report.md and report.html have all


def print_report(study: Study) -> None:
    """The answer, and the numbers behind it; where there is a claim, the verdict and its comparisons."""
    console = Console(highlight=False)
    if study.verdict:
        print_verdict(console, study.verdict)
    else:
        console.print(Text(study.answer, style="bold green" if _is_decided(study) else "bold"))
    for sentence in study.caveats:
        console.print(Text(sentence, style="yellow"))
    if study.verdict and study.verdict.claim.rule == "exact":
        return  # nothing is estimated
    console.print(Text(f"\n{study.metric.name}", style="dim"))
    shown = [_print(console, group_table(study))]
    if study.with_the_best and not study.verdict:
        shown.append(_print(console, difference_table(study.with_the_best)))
    if sentence := noise_sentence(study):
        console.print(Text(sentence, style="dim"))
    _print_meanings(console, shown)
    for warning in tune_warnings(study):
        console.print(Text(f"Tuning: {warning}", style="yellow"))
    if failures := failure_table(study):
        console.print()
        _print(console, failures.without(LOG))


def print_files(written: Sequence[Path], folders: Sequence[Path]) -> None:
    """What was written, and the command that shows the runs in `folders`."""
    console = Console(highlight=False)
    for path in written:
        console.print(f"[bold]{path.suffix.removeprefix('.'):<6}[/]{escape(shortened(path))}", soft_wrap=True)
    console.print(f"[bold]{'show':<6}[/][cyan]{escape(dashboard_command(*folders))}[/]", soft_wrap=True)


def print_verdict(console: Console, verdict: Verdict) -> None:
    """The headline, who guessed right, and the comparisons."""
    console.print(Text(headline(verdict), style=LOOKS[verdict.word].style))
    if verdict.guessed:
        console.print(Text(verdict.guessed, style="italic"))
    console.print()
    table = comparison_table(verdict)
    _print(console, table, spared=(RUNS, P, *filter(table.is_constant, (OF_THE_OTHER, ARM, OTHER))))
    console.print(Text(notes(verdict), style="dim"), end="\n" if notes(verdict) else "")


def as_rich(found: TextTable, rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for i, heading in enumerate(found.headings):
        is_text = i < found.words or heading == "verdict"
        justify = "left" if is_text else "right"
        words = [word for row in (found.headings, *rows) for word in row[i].split()]
        whole = max(map(cell_len, (found.headings[i], *(row[i] for row in rows))))
        least = min(max(map(len, words), default=0), LONGEST_WORD) if is_text else whole  # wrapped between words
        table.add_column(escape(heading), justify=justify, overflow="fold", no_wrap=not is_text, min_width=least)
    for row in rows:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    return table


def _print(console: Console, found: TextTable, spared: Sequence[str] = SPARED) -> TextTable:
    """Without the columns that can be spared where the terminal is too narrow for all; returns what is left. Where that
    is still too wide, its lines are broken by the terminal, since rich would cut numbers and leave out names."""
    kept = [found.without(*spared[:n]) for n in range(len(spared) + 1)]
    tables = [as_rich(each, each.rows[:MOST]) for each in kept]
    unbounded = console.options.update(max_width=10 * console.width)
    sizes = [Measurement.get(console, unbounded, table) for table in tables]
    chosen = next((i for i, size in enumerate(sizes) if size.maximum <= console.width), -1)
    if sizes[chosen].minimum > console.width:
        tables[chosen].width = sizes[chosen].minimum
    console.print(tables[chosen], crop=False)
    if len(found.rows) > MOST:
        console.print(Text(f"... {len(found.rows) - MOST} more in report.md", style="dim"))
    console.print()
    return kept[chosen]


def _print_meanings(console: Console, shown: Sequence[TextTable]) -> None:
    """A line each."""
    legend = Table.grid(padding=(0, 2, 0, 0))
    for heading, words in {k: v for table in shown for k, v in meanings(table).items()}.items():
        legend.add_row(Text(heading, style="dim"), Text(words, style="dim"))
    console.print("", legend, "", sep="\n")


def _is_decided(study: Study) -> bool:
    return bool(study.with_the_best) and all(each.is_real for each in study.with_the_best)
