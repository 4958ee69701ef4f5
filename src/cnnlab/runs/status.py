"""The status of a run as it really is: a killed process cannot correct its run.json."""

import json
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

FINISHED = ("completed", "diverged")  # with results; a diverged run diverges again
CLOCK_TICK_S = 2  # `started` is in whole seconds, and a process is a little older than its run


def real_status(folder: Path) -> dict[str, Any]:
    """The contents of run.json, with the status that is true now.

    `queued` where there is no run.json yet; `interrupted` where it says running but its process on this host is gone.
    A run on another host is taken at its word.
    """
    try:
        run = json.loads((folder / "run.json").read_text())
    except FileNotFoundError:
        return {"status": "queued"}
    if run["status"] == "running" and run["host"] == socket.gethostname() and not _lives(run):
        return {**run, "status": "interrupted", "error": run["error"] or "its process is gone (killed?)"}
    return run


def _lives(run: dict[str, Any]) -> bool:
    """Whether the run's process is alive; a younger process with its number is another one."""
    try:
        process = psutil.Process(run["pid"])
        born, state = process.create_time(), process.status()
    except psutil.NoSuchProcess:
        return False
    return state != psutil.STATUS_ZOMBIE and born <= datetime.fromisoformat(run["started"]).timestamp() + CLOCK_TICK_S
