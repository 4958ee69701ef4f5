"""All runs below some folders, as a list; broken ones can be removed."""

import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cnnlab.claims.find_runs import run_folders
from cnnlab.claims.run_record import BROKEN, RunRecord, read_run
from cnnlab.common.words import accuracy_percent, memory, plural, shortened
from cnnlab.runs.request import DESIGN

_COLOURS = {"completed": "green", "running": "cyan", "interrupted": "yellow"}
_HEADING = f"  {'status':<12}{'test accuracy':>13}  {'started':>11}  {'on disk':>10}  run, and what it is of"


def list_runs(folders: Sequence[Path], clean: bool = False) -> None:
    """Print status, config, accuracy, age and size of every run; with `clean`, ask on stdin and remove broken ones."""
    found = [read_run(path, shortened(path)) for path in dict.fromkeys(p for top in folders for p in run_folders(top))]
    console = Console(highlight=False)
    if found:
        console.print(Text(_HEADING, style="dim"), soft_wrap=True)
    for folder, runs in groupby(found, key=lambda run: run.folder.parent):
        console.print(Text(f"{shortened(folder)}/", style="bold"), soft_wrap=True)
        for run in runs:
            console.print(_line(run, datetime.now(UTC)), soft_wrap=True)
    console.print(Text(f"\n{counts(found)}", style="bold"))
    if clean:
        _clean(console, [run for run in found if run.state in BROKEN])
    else:
        console.print(
            Text(
                "The report of a sweep: python -m cnnlab.report FOLDER; of single runs together: list=false behind it"
            ),
            soft_wrap=True,
        )


def _line(run: RunRecord, now: datetime) -> Text:
    """What varies in length, the name and the config, comes last, so that the columns before it stand in line."""
    accuracy = run.value("test/accuracy")
    shown = "" if accuracy is None else accuracy_percent(accuracy)
    line = Text(f"  {run.state:<12}", style=_COLOURS.get(run.state, "red"))
    line.append(f"{shown:>13}  {age(run, now):>11}  {memory(size(run.folder)):>10}  ", style="default")
    line.append(run.folder.name, style="default bold")
    return line.append(f"  {in_short(run)}", style="dim")


def in_short(run: RunRecord) -> str:
    """The design's choices and what was typed besides; nothing where neither is known."""
    choices = run.status.get("choices") or {}
    named = [str(choices[name]) for name in DESIGN if choices.get(name)]
    known = {name for name in DESIGN if choices.get(name)}
    typed = [override for override in run.overrides or () if override.partition("=")[0] not in known]
    if not named and run.config:
        sections = [run.config.get(name) for name in DESIGN]
        named = [str(each["_target_"]).rpartition(".")[2] for each in sections if each and "_target_" in each]
    return " ".join([*named, *typed])


def age(run: RunRecord, now: datetime) -> str:
    """Of its start: 3 min ago, 5 h ago, 2 d ago."""
    try:
        seconds = (now - datetime.fromisoformat(str(run.status["started"]))).total_seconds()
    except (KeyError, ValueError, TypeError):
        return "not known"
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name} ago"
    return f"{seconds:.0f} s ago"


def size(folder: Path) -> int:
    """Bytes of all files; one that vanishes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:
            continue
    return total


def counts(runs: Sequence[RunRecord]) -> str:
    """`3 runs: 2 completed, 1 failed`."""
    states = [run.state for run in runs]
    words = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states)))
    return f"{plural(len(runs), 'run')}: {words}" if runs else "No run has begun."


def _clean(console: Console, broken: Sequence[RunRecord]) -> None:
    if not broken:
        console.print("Nothing to remove: no run failed, was interrupted or is damaged.")
        return
    console.print(Text(f"Broken: {plural(len(broken), 'run')}", style="bold"))
    for run in broken:
        console.print(Text(f"  {run.state}: {run.name}"), soft_wrap=True)
    console.print(f"Remove {'it' if len(broken) == 1 else 'them'}? y/N ", end="")
    # Nobody there to answer means no.
    answer = sys.stdin.readline() if sys.stdin else ""
    if answer.strip().lower() not in ("y", "yes"):
        console.print("\nNothing was removed.")
        return
    removed = 0
    for run in broken:
        # It may have been started again while the question stood.
        if read_run(run.folder, run.name).state in BROKEN:
            shutil.rmtree(run.folder)
            removed += 1
    console.print(f"Removed {plural(removed, 'run')}.")
