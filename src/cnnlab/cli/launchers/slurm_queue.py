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
    command = ["squeue", "--me", "--noheader", "--array", "--format=%i"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return set(done.stdout.split()) if done.returncode == 0 else None


def gone(job: str) -> str:
    return f"Slurm job {job} ended without a word (killed, out of memory, or its node failed)"
