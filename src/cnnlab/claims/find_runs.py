"""Finds sweeps and runs below folders."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlab.claims.run_record import RunRecord, read_run
from cnnlab.common.errors import InputError
from cnnlab.runs.status import check_no_part

SWEEP, RUN = "sweep.json", "run.json"
_KEYS = ("jobs", "axes", "arms", "paired", "tune", "created")


@dataclass(frozen=True)
class SweepRecord:
    """`sweep.json` of `folder`, as the sweeper wrote it."""

    folder: Path
    content: dict[str, Any]

    @property
    def axes(self) -> list[str]:
        return self.content["axes"]

    def runs(self) -> Iterator[RunRecord]:
        """Every job, also those that never ran."""
        for job in self.content["jobs"]:
            known = {key: job[key] for key in ("stage", "labels", "seed", "overrides")}
            yield read_run(self.folder / job["name"], job["name"], sweep=self.folder, planned=job["config"], **known)


def find(folders: Sequence[Path]) -> tuple[list[SweepRecord], list[RunRecord]]:
    """The sweeps and the runs outside of them, at or below `folders`, each once. Raises InputError where a folder
    does not exist or holds neither."""
    check_there(folders)
    sweeps: dict[Path, SweepRecord] = {}
    alone: dict[Path, RunRecord] = {}
    for top in folders:
        found = list(_walk(top))
        if not found:
            check_no_part(top)
            raise InputError(
                f"{top} holds no runs: there is no run.json and no sweep.json in it or below it.\n"
                "Give the folder that a training run or a sweep printed, e.g. outputs/sweeps/..."
            )
        for folder in found:
            key = folder.resolve()
            if (folder / SWEEP).is_file():
                sweeps.setdefault(key, read_sweep(folder))
            else:
                name = folder.relative_to(top).as_posix() if folder != top else folder.resolve().name
                if key not in alone:
                    alone[key] = read_run(folder, name)
    return list(sweeps.values()), list(alone.values())


def check_there(folders: Sequence[Path]) -> None:
    """InputError for the first that does not exist."""
    missing = next((top for top in folders if not os.path.isdir(top)), None)
    if missing is not None:
        check_no_part(missing)
        raise InputError(
            f"{missing}: no such folder.\nGive that of a sweep or a run, e.g. outputs/sweeps/..., or one above it."
        )


def read_sweep(folder: Path) -> SweepRecord:
    """Raises InputError."""
    try:
        content = json.loads((folder / SWEEP).read_text())
        version = content["version"] if isinstance(content, dict) else None
        if version == 1 and (lacking := [key for key in _KEYS if key not in content]):
            raise ValueError(f"it lacks {', '.join(lacking)}")
    except (ValueError, KeyError, OSError) as error:
        raise InputError(
            f"{folder / SWEEP} cannot be read: {error}.\n"
            "Remove it, and give the sweep's command again, which writes it anew and keeps the runs that are finished."
        ) from error
    if version != 1:
        raise InputError(
            f"{folder / SWEEP} has version {version}; this cnnlab reads version 1.\n"
            "Make the report with the cnnlab that made the sweep."
        )
    return SweepRecord(folder, content)


def is_one_experiment(folder: Path) -> bool:
    """A sweep, by cnnlab's own sweeper or another, or one run; not a folder that collects such."""
    return any(os.path.isfile(folder / name) for name in (SWEEP, RUN, "multirun.yaml"))


def run_folders(folder: Path) -> list[Path]:
    """Every folder with a run.json at or below `folder`."""
    return [Path(at) for at, below, files in _folders(folder) if RUN in files and not below.clear()]


def newest(top: Path) -> Path:
    """The sweep, or the run outside of any, that was begun or went on last. Raises InputError where there is none."""
    found = list(_walk(top)) if os.path.isdir(top) else []
    if not found:
        raise InputError(
            f"{top} holds no runs yet.\nTrain a network, e.g. python -m cnnlab.train, or give the folder of a run."
        )
    return max(found, key=_last_change)


def _last_change(folder: Path) -> float:
    return max(path.stat().st_mtime for name in (SWEEP, RUN) if (path := folder / name).is_file())


def _walk(top: Path) -> Iterator[Path]:
    """Sweeps, into which it does not look, and runs."""
    for at, below, files in _folders(top):
        if SWEEP in files or RUN in files:
            below.clear()
            yield Path(at)


def _folders(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for at, below, files in os.walk(top):
        below.sort()
        yield at, below, files
