"""The runs of a sweep in the terminal: while they go on, and those that did not finish at the end."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cnnlab.common.words import accuracy_percent, plural
from cnnlab.runs.status import FINISHED, progress, real_status

COLOURS = {"completed": "green", "running": "cyan", "queued": "dim", "interrupted": "yellow"}
# What needs a look comes first.
ORDER = ("damaged", "failed", "interrupted", "diverged", "running", "completed", "queued")
REFRESH_PER_S = 2
BAR_WIDTH = 20


class LiveTable:
    """A table on stderr, if that is a terminal: each run's status, progress, accuracy so far and time left.

    It reads the run folders alone, so that it shows the same whatever launcher runs the jobs.
    """

    def __init__(self, sweep: Path, names: Sequence[str]):
        self.sweep, self.names = sweep, names
        self.console = Console(stderr=True)
        self._final: dict[str, dict[str, Any]] = {}
        # By run, and of all ("", where a share is a number of runs): when it was first seen, and how much was done.
        self._first: dict[str, tuple[float, float]] = {}
        self._live = Live(
            console=self.console,
            get_renderable=self.render,
            refresh_per_second=REFRESH_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> "LiveTable":
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def render(self) -> Group:
        """The table as of now, cut to the height of the terminal."""
        runs = {name: self._read(name) for name in self.names}
        shares = {name: self._share(name, run) for name, run in runs.items()}
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("run", "status", "progress", "validation", "left"):
            table.add_column(column, justify="right" if column in ("validation", "left") else "left", no_wrap=True)
        rows = sorted(self.names, key=lambda name: ORDER.index(runs[name]["status"]))
        room = max(3, self.console.height - 4)
        for name in rows[:room]:
            table.add_row(*self._row(name, runs[name], *shares[name]))
        more = len(rows) - room
        hidden = [Text(f"and {plural(more, 'more run')}", style="dim")] if more > 0 else []
        return Group(self._headline(runs, [share or 0.0 for share, _ in shares.values()]), table, *hidden)

    def _read(self, name: str) -> dict[str, Any]:
        if name not in self._final:
            run = real_status(self.sweep / name)
            if run["status"] in ("queued", "running"):
                return run
            self._final[name] = run | {"share": progress(self.sweep / name, run)}
        return self._final[name]

    def _share(self, name: str, run: dict[str, Any]) -> tuple[float | None, float | None]:
        if run["status"] == "queued":
            return None, None
        share, accuracy = run.get("share") or progress(self.sweep / name, run)
        return (share if run["status"] == "running" else 1.0), accuracy

    def _row(self, name: str, run: dict[str, Any], share: float | None, accuracy: float | None) -> list[Any]:
        status = run["status"]
        bar: Any = ProgressBar(1.0, share or 0.0, width=BAR_WIDTH) if status == "running" else ""
        if run.get("error"):
            bar = Text(run["error"].splitlines()[0], style="red", overflow="ellipsis")
        left = ""
        if status == "running" and share is not None:
            left = self._left(name, share, 1.0)
        shown = "" if accuracy is None else accuracy_percent(accuracy)
        return [Text(name, overflow="ellipsis"), Text(status, style=COLOURS.get(status, "red")), bar, shown, left]

    def _headline(self, runs: Mapping[str, Any], shares: Sequence[float]) -> Text:
        count = {status: sum(run["status"] == status for run in runs.values()) for status in ORDER}
        words = ", ".join(f"{n} {status}" for status, n in count.items() if n)
        left = self._left("", sum(shares), len(shares), 0.5)
        told = f", about {left} left" if left and count["running"] else ""
        return Text(f"{self.sweep}: {plural(len(runs), 'run')}, {words}{told}", style="bold")

    def _left(self, name: str, done: float, of: float, least: float = 0.0) -> str:
        """As fast as it went since it was first seen, which a run that goes on was not at 0; empty up to `least`."""
        now = monotonic()
        began, first = self._first.setdefault(name, (now, done))
        return _duration((now - began) * (of - done) / (done - first)) if done - first > least else ""


def print_jobs(sweep: Path, names: Sequence[str], seconds: Mapping[str, float], parallel: int | None) -> None:
    """Print the runs of a sweep and what those to come cost: `seconds` of training each, `parallel` at a time."""
    console = Console(highlight=False)
    console.width = max(console.width, max(map(len, names), default=0) + 30)  # names differ at their ends
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("run", "status", "training"):
        table.add_column(column, justify="right" if column == "training" else "left")
    for name in names:
        cost = seconds.get(name)
        status = "to run" if cost is not None else "finished"
        table.add_row(Text(name), status, "" if cost is None else _duration(cost))
    console.print(table)
    total = sum(seconds.values())
    at_once = f", {plural(parallel, 'run')} at a time: about {_duration(total / parallel)}" if parallel else ""
    console.print(
        f"{escape(str(sweep))}: {len(seconds)} of {plural(len(names), 'run')} to do, {_duration(total)} of training"
        f"{at_once} (from measured steps; start, validation and test not counted)",
        soft_wrap=True,
    )


def print_ended(sweep: Path, names: Sequence[str], reasons: Mapping[str, str]) -> dict[str, str]:
    """Print how many runs ended how, and each that did not finish with its reason and log; returns each run's status.

    `reasons`: what the launcher knows of runs that could not write a run.json.
    """
    console = Console(stderr=True, highlight=False)
    runs = {name: real_status(sweep / name) for name in names}
    states = {
        name: "failed" if run["status"] == "queued" and reasons.get(name) else str(run["status"])
        for name, run in runs.items()
    }
    count = {status: list(states.values()).count(status) for status in reversed(ORDER)}
    words = [f"[{COLOURS.get(status, 'red')}]{n} {status}[/]" for status, n in count.items() if n]
    console.print(f"[bold]{escape(str(sweep))}[/]: {plural(len(names), 'run')}, {', '.join(words)}", soft_wrap=True)
    for name, status in states.items():
        if status == "completed":
            continue
        reason = runs[name].get("error") or reasons.get(name) or reasons.get("") or "not started"
        logs = [path for path in sorted((sweep / name).glob("*.log"))]
        log = f" ({os.fspath(logs[0])})" if logs and status not in FINISHED else ""
        line = f"  {name}  [{COLOURS.get(status, 'red')}]{status}[/]: {escape(reason.splitlines()[0])}{escape(log)}"
        console.print(line, soft_wrap=True)
    return states


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
