"""A run that is started beside other programs at work takes the cores that those leave.

The threads of a parallel region wait for the slowest, and one that shares its core with another program makes each of
them wait: on two cores, of which one is at work for somebody else, two threads take twice as long as one.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from cnnlab.cli.overrides import key_of, text_of
from cnnlab.cli.processes import of_torchrun
from cnnlab.common.words import plural

THREADS, FOLDER = "trainer.threads", "hydra.run.dir"
BUSY = 0.4  # share of the cores at work for others, in the last minute and now, from which on they are left to them
SECONDS = 0.25  # to look what is at work now; spent only where the last minute was busy
GPU = Path("/dev/nvidiactl")


def beside_others(arguments: Sequence[str]) -> list[str]:
    """The arguments of one run, with `trainer.threads=N` where other programs keep cores at work, as if it were typed:
    so the run, and what resumes or reproduces it, adds up its numbers in one order. Unchanged for sweeps, on a GPU, and
    where somebody has chosen already."""
    typed = {key_of(argument): text_of(argument) for argument in arguments}
    flags = [argument for argument in arguments if argument.startswith("-") and not argument.startswith("--config")]
    chosen = {THREADS, "resume", "reproduce"} & typed.keys() or "OMP_NUM_THREADS" in os.environ
    if flags or chosen or typed.get("trainer.device") == "cuda" or of_torchrun()[1] > 1:
        return list(arguments)
    if GPU.exists() and typed.get("trainer.device") != "cpu":
        return list(arguments)
    if FOLDER in typed and os.path.isfile(run := Path(typed[FOLDER]) / "run.json"):
        return [*arguments, *_chosen_before(run)]
    cores, busy = _cores(), _busy()
    free = max(1, round(cores * (1 - busy)))
    if busy < BUSY or free == cores:
        return list(arguments)
    sys.stderr.write(
        f"Other programs keep {cores * busy:.1f} of {cores} cores at work, so this run takes {plural(free, 'thread')}; "
        f"{THREADS}={cores} takes all.\n"
    )
    return [*arguments, f"{THREADS}={free}"]


def _cores() -> int:
    """For each of which PyTorch takes a thread by default."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(psutil.cpu_count(logical=False) or allowed, allowed)


def _busy() -> float:
    """The share of the machine's cores that were at work in the last minute, and are now."""
    lasting = psutil.getloadavg()[0] / (os.cpu_count() or 1)
    return min(1.0, lasting, psutil.cpu_percent(SECONDS) / 100) if lasting >= BUSY else 0.0


def _chosen_before(run: Path) -> list[str]:
    """For a run that is taken up: what was added when it began."""
    try:
        lines = json.loads(run.read_text())["lines"]
    except (ValueError, KeyError, OSError):
        return []  # which whoever takes it up tells
    return [line for line in lines if key_of(str(line)) == THREADS]
