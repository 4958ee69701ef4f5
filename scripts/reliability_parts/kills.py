"""Kills a run at a random moment, gives its command again, and compares with the run that was never stopped."""

import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

from reliability_parts.runs import Reference, command, start, wait
from reliability_parts.same import differences

KINDS = ("SIGKILL", "SIGTERM")
SOONER = 0.7


@dataclass(frozen=True)
class Outcome:
    """`during`: what the run was doing, by what it left. `code`: its exit code. `differs`: what is not as in the run
    that was never stopped; empty if nothing."""

    kind: str
    setup: str
    during: str
    code: int
    differs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.setup}, {self.during}: {', '.join(self.differs[:3]) or 'equal'}"


def kill(kind: str, number: int, home: Path, references: Mapping[str, Reference]) -> Outcome:
    """Of every three kills one waits for a checkpoint to be written; the others come at any time. A run that ended
    before is no kill, and another is tried, at an earlier time."""
    setup = list(references)[number % len(references)]
    for trial in count():
        folder, draw = home / f"{kind} {number}.{trial}", Random(f"{kind} {number} {trial}")
        os.environ["XDG_CACHE_HOME"] = str(home / f"cache {kind} {number}.{trial}")  # else there is nothing to decode
        process = start(command(setup, folder), home)
        seconds = references[setup].seconds * SOONER**trial
        _wait_for_moment(draw, process, folder, seconds, setup == "pictures, decoded")
        _send(process, getattr(signal, kind))
        code = wait(process)
        if (during := _left(folder)) is not None:
            break
    again = wait(start(command(setup, folder), home))
    if again != 0:
        return Outcome(kind, setup, during, code, (f"the second call ended with {again}",))
    return Outcome(kind, setup, during, code, tuple(differences(references[setup].folder, folder)))


def _wait_for_moment(draw: Random, process: int, folder: Path, seconds: float, decodes: bool) -> None:
    """Images are decoded before the folder is made; else what comes before is no part of the run."""
    while not decodes and not (folder / "run.json").exists() and not _ended(process):
        time.sleep(0.001)
    end = time.monotonic() + draw.uniform(0.01, 0.9) * seconds
    part = folder / "checkpoints" / "last.part" if draw.random() < 1 / 3 else None
    while time.monotonic() < end and not _ended(process):
        time.sleep(0.0005)
    while part is not None and not part.exists() and not _ended(process) and time.monotonic() < end + 2:
        pass  # it is there for two milliseconds


def _ended(process: int) -> bool:
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _send(process: int, number: int) -> None:
    if not _ended(process):
        os.kill(process, number)


def _left(folder: Path) -> str | None:
    """What the run was doing, told by its files; None if it had ended."""
    if not (folder / "run.json").exists():
        return "before it began"
    status = json.loads((folder / "run.json").read_text())["status"]
    if status == "completed":
        return None
    if list(folder.glob("checkpoints/*.part")):
        return "writing a checkpoint"
    if (folder / "results.json").exists():
        return "test, evaluation or drawing"
    if (folder / "checkpoints" / "last.pt").exists():
        return "training"
    return "reading images, or before the first checkpoint"
