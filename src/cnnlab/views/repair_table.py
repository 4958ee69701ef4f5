"""What a repair tried and kept, and the command that it ends with."""

import math
import sys
from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cnnlab.common.words import accuracy_percent, number, plural
from cnnlab.views.accuracies import between, interval

AS_IT_WAS = "as it was"


def announce(round_number: int, override: str, steps: int) -> None:
    """A line on stderr before each brief run, whose progress bar is below it on a terminal."""
    sys.stderr.write(f"repair {round_number}: {override or AS_IT_WAS}, {plural(steps, 'step')}\n")


def print_repair(content: Mapping[str, Any]) -> None:
    """`content`: of repair.json."""
    console = Console(highlight=False)
    rounds = content["rounds"]
    if len(rounds) > 1:
        console.print(_table(rounds, content["steps"]))
        images = max(each["images"] for each in rounds)
        console.print(f"[dim]Loss and accuracy are of the {plural(images, 'validation image')}.[/]\n")
    for line in _conclusion(content):
        console.print(line, soft_wrap=True)  # so that the command can be copied


def _table(rounds: list[Mapping[str, Any]], steps: int) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(f"tried, {plural(steps, 'step')}")
    for name in ("validation loss", "accuracy", "95 % interval"):
        table.add_column(name, justify="right")
    table.add_column("kept")
    for each in rounds:
        kept = {None: "", True: "[green bold]yes[/]", False: "no"}[each["kept"]]
        loss, accuracy = float(each["loss"]), float(each["accuracy"])
        ends = interval(accuracy, each["images"])
        share = "" if math.isnan(accuracy) else accuracy_percent(accuracy)
        words = number(loss), share, "" if ends is None else between(ends)
        if each["status"] != "completed":
            words = f"[red]{each['status']}[/]", "", ""
            kept = f"{kept}: {escape(each['error'] or '')}" if kept else escape(each["error"] or "")
        table.add_row(escape(each["override"] or AS_IT_WAS), *words, kept)
    return table


def _conclusion(content: Mapping[str, Any]) -> list[str]:
    tried = len(content["rounds"]) - 1
    if content["healthy"] and not tried:
        return ["Nothing to repair: the diagnosis is healthy."]
    if not tried:
        return ["Nothing to try: no advice of the diagnosis is a setting that can be typed."]
    if not content["kept"]:
        changes = f"none of {plural(tried, 'change')}"
        return [f"[bold]Nothing helped[/]: {changes} made validation accuracy better by more than chance."]
    left = "the diagnosis is healthy" if content["healthy"] else f"what is left: {_named(content['left'])}"
    before, after = (accuracy_percent(float(share)) for share in content["accuracy"])
    if content["rounds"][0]["status"] == "diverged":
        before = "of a run that diverged"
    return [
        f"[green bold]Helped[/]: {escape(' '.join(content['kept']))}. Accuracy {before} to {after}; {left}.",
        f"[bold]{'try':<15}[/][cyan]{escape(content['command'])}[/]",
    ]


def _named(names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names) or "a loss that is not finite"
