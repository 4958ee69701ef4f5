"""Which jobs of a sweep are with Slurm. Says nothing of how they ended: that is in each run.json, never in sacct."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cnnlab.runs.run_folder import mark_interrupted, write_json

FOLDER = ".submitit"


class SlurmQueue:
    """Remembers in `<sweep>/.submitit/jobs.json` the Slurm job of each run folder, by its name in `sweep`."""

    def __init__(self, sweep: Path):
        self.sweep, self.folder = sweep, sweep / FOLDER
        self._file = self.folder / "jobs.json"
        self.jobs: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def remember(self, jobs: Mapping[str, str]) -> None:
        self.jobs |= jobs
        write_json(self._file, self.jobs)

    def settle(self) -> None:
        """Mark runs that say running although Slurm no longer has their job: killed while nobody waited."""
        waiting = active() if self.jobs else None
        if waiting is not None:
            for name, job in self.jobs.items():
                if job not in waiting:
                    mark_interrupted(self.sweep / name, gone(job))


def active() -> set[str] | None:
    """The user's jobs that wait or run, as "12" or, in an array, "12_3"; None if Slurm does not answer."""
    answer = _squeue("--me", "--array", "--format=%i")
    return None if answer is None else set(answer.split())


def gone(job: str) -> str:
    """Why a run whose job Slurm no longer has did not end by itself; Slurm knows for some minutes."""
    state = (_squeue("--states=all", f"--jobs={job}", "--format=%T") or "").strip()
    known = state and state != "COMPLETED"  # which it also says of jobs that failed
    return f"Slurm job {job} ended without a word ({state if known else 'killed, out of memory, or its node failed'})"


def _squeue(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["squeue", "--noheader", *arguments], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
