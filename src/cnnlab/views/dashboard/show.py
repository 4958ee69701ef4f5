"""Serves the dashboards of some runs until Ctrl-C, and says where they are."""

import os
import sys
import tempfile
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from cnnlab.claims.experiment import load
from cnnlab.claims.find_runs import is_one_experiment
from cnnlab.claims.study import Study
from cnnlab.common.words import plural, shortened
from cnnlab.views.dashboard.addresses import addresses
from cnnlab.views.dashboard.chosen_runs import ChosenRuns, choose
from cnnlab.views.dashboard.link_folder import link
from cnnlab.views.dashboard.report_tab import NAME
from cnnlab.views.dashboard.runs_page import runs_page
from cnnlab.views.dashboard.server import serve
from cnnlab.views.report.report_page import html_report

NEW_RUNS_S = 5  # between two looks for runs that began meanwhile


def show(tops: Sequence[Path], port: int | None, open_: bool | str) -> None:
    """Of the runs at and below `tops`. `open_`: whether to show it in the browser; auto: if there is a screen. Returns
    on Ctrl-C. Raises InputError where the port is taken."""
    with tempfile.TemporaryDirectory(prefix="cnnlab-dashboard-") as temporary:
        # The name of this folder is seen in TensorBoard's page.
        logdir = Path(temporary) / tops[0].resolve().name
        chosen = choose(tops)
        logdir.mkdir()
        link(logdir, chosen.folders)
        url = f"{serve(logdir, lambda: _page(tops), port)}/#{NAME}"
        _say(tops, chosen, url)
        if _has_screen() if open_ == "auto" else open_:
            webbrowser.open(url)
        try:
            while True:
                time.sleep(NEW_RUNS_S)
                link(logdir, choose(tops).folders)
        except KeyboardInterrupt:
            return


def _page(tops: Sequence[Path]) -> tuple[str, bool]:
    """The report; of runs that are no experiment together, their list. Whether some of them go on."""
    links = addresses(choose(tops))
    if all(map(is_one_experiment, tops)):
        study = Study.of(tops)
        page, runs = html_report(study, links), study.experiment.runs
    else:
        page, runs = runs_page(tops, links), load(tops).runs
    return page, any(run.state == "running" for run in runs)


def _say(tops: Sequence[Path], chosen: ChosenRuns, url: str) -> None:
    console = Console(highlight=False)
    where = ", ".join(shortened(top) for top in tops)
    console.print(f"[bold]{'showing':<15}[/]{plural(len(chosen.runs), 'run')} of {escape(where)}", soft_wrap=True)
    console.print(f"[bold]{'dashboards':<15}[/][cyan]{escape(url)}[/]  (Ctrl-C ends it)", soft_wrap=True)


def _has_screen() -> bool:
    shown = sys.platform in ("darwin", "win32") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & {*os.environ})
    return shown and sys.stdout.isatty()
