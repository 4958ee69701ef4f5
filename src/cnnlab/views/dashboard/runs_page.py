"""The list of all runs as a page, where they are no experiment together."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cnnlab.claims.find_runs import run_folders
from cnnlab.claims.run_record import RunRecord, read_run
from cnnlab.common.words import accuracy_percent, shortened
from cnnlab.views.report.report_tables import TextTable
from cnnlab.views.run_list import age, counts, in_short
from cnnlab.views.web_page import render

TEMPLATE = Path(__file__).with_name("runs.html.j2")


def runs_page(tops: Sequence[Path], links: Mapping[str, str]) -> str:
    """Every run at and below `tops`, the one that began last first. `links`: as of the report."""
    folders = dict.fromkeys(path for top in tops for path in run_folders(top))
    runs = sorted((read_run(path, shortened(path)) for path in folders), key=_began, reverse=True)
    now = datetime.now(UTC)
    rows = tuple((run.name, run.state, _accuracy(run), age(run, now), in_short(run)) for run in runs)
    table = TextTable(("run", "status", "test accuracy", "started", "settings"), rows, words=5)
    title = ", ".join(shortened(top) for top in tops)
    return render(TEMPLATE, title=title, counts=counts(runs), runs=table, links=links)


def _began(run: RunRecord) -> str:
    return str(run.status.get("started") or "")


def _accuracy(run: RunRecord) -> str:
    accuracy = run.value("test/accuracy")
    return "" if accuracy is None else accuracy_percent(accuracy)
