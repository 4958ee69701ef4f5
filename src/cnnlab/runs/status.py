"""The status of a run as it really is: a killed process cannot correct its run.json."""

import json
import os
import shlex
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from cnnlab.common.errors import InputError

FINISHED = ("completed", "diverged")  # with results; a diverged run diverges again
ACCURACY = "validation/accuracy"
TAIL_BYTES = 2**18  # dozens of rows, so at least one end of an epoch in a usual run
LAST = "checkpoints/last.pt"
CLOCK_TICK_S = 2  # `started` is in whole seconds, and a process is a little older than its run


def real_status(folder: Path) -> dict[str, Any]:
    """The contents of run.json, with the status that is true now.

    `queued` where there is no run.json yet; `interrupted` where it says running but its process on this host is gone;
    `damaged` where it cannot be read. A run on another host is taken at its word.
    """
    try:
        run = json.loads((folder / "run.json").read_text())
        run["status"] = str(run["status"])
        if run["status"] == "running" and run["host"] == socket.gethostname() and not _lives(run):
            return {**run, "status": "interrupted", "error": run["error"] or "its process is gone (killed?)"}
        return run
    except FileNotFoundError:
        return {"status": "queued"}
    except (ValueError, KeyError, TypeError, OSError) as error:
        return {"status": "damaged", "error": f"run.json cannot be read ({type(error).__name__})"}


def being_run(folder: Path, run: dict[str, Any]) -> str:
    """What to say to who wants to run it besides."""
    words = f"{folder} is being run by process {run['pid']} on {run['host']}.\nWait for it, or stop it."
    if run["host"] == socket.gethostname():
        return words
    said = f"""sed -i.bak 's/"running"/"interrupted"/' {shlex.quote(str(folder / "run.json"))}"""
    return f"{words}\nIf it is gone, as with its container, it cannot be seen from here. Say so, and go on:\n  {said}"


def check_no_part(path: Path, named: str = "") -> None:
    """InputError where `path`, called `named`, is in the folder of a run, as its checkpoints are, and no run itself."""
    run = next((folder for folder in (path, *path.parents) if os.path.isfile(folder / "run.json")), path)
    if run != path:
        raise InputError(f"{named or path} is in the folder of a run, and no run itself. Give {run}.")


def can_be_taken_up(folder: Path, config_hash: str | None = None) -> bool:
    """Whether it holds a run, of this config if given, that was interrupted after its first checkpoint."""
    run = real_status(folder)
    same = config_hash in (None, run.get("config_hash"))
    return same and run["status"] == "interrupted" and (folder / LAST).is_file()


def birth(pid: int) -> str | None:
    """When the process was born, in words that stay the same when the clock is put, as after a virtual machine was
    paused; None where the system has none."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]  # since the boot
        return f"{boot} {ticks}"
    except OSError:
        return None


def _lives(run: dict[str, Any]) -> bool:
    """Whether the run's process is alive; a younger process with its number is another one."""
    try:
        process = psutil.Process(run["pid"])
        born, state = process.create_time(), process.status()
    except psutil.NoSuchProcess:
        return False
    if state == psutil.STATUS_ZOMBIE:
        return False
    if run.get("born") is not None:
        return run["born"] == birth(run["pid"])
    return born <= datetime.fromisoformat(run["started"]).timestamp() + CLOCK_TICK_S


def progress(folder: Path, run: dict[str, Any]) -> tuple[float | None, float | None]:
    """The share of the planned steps that is done, and the last validation accuracy, as far as they are logged."""
    rows = _last_rows(folder / "metrics.jsonl")
    steps = run.get("steps")
    share = min(1.0, float(rows[-1]["step"]) / steps) if rows and steps else None
    accuracy = next((float(row[ACCURACY]) for row in reversed(rows) if ACCURACY in row), None)
    return share, accuracy


def _last_rows(path: Path) -> list[dict[str, Any]]:
    """The end of the log, complete lines only; a whole log can be long, and this is read twice a second."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return []
    found = []
    for line in lines[:-1]:  # what follows the last newline is being written
        with suppress(json.JSONDecodeError):  # the first one may be cut
            found.append(json.loads(line))
    return found
