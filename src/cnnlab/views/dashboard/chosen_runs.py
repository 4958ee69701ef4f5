"""Which runs a dashboard shows, under names that hold what they differ in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnlab.claims.find_runs import SWEEP, SweepRecord, read_sweep, run_folders
from cnnlab.views.report.sweep_report import ARMS

MEAN = "mean of "  # before an arm's name: a curve over its seeds, not a run


@dataclass(frozen=True)
class ChosenRuns:
    """`folders`: {name in TensorBoard: folder with event files}, of runs and of the means of a sweep's arms. `levels`:
    {axis of the sweep: its values as text}, the seed left out; empty unless all runs are of one sweep."""

    folders: dict[str, Path]
    levels: dict[str, tuple[str, ...]]

    @property
    def runs(self) -> list[str]:
        return [name for name in self.folders if not name.startswith(MEAN)]

    @property
    def means(self) -> list[str]:
        return [name for name in self.folders if name.startswith(MEAN)]


def choose(tops: Sequence[Path]) -> ChosenRuns:
    """Of a sweep, the runs that measure, not those that tuned, and the means of its arms; else every run."""
    sweeps = [read_sweep(top) if (top / SWEEP).is_file() else None for top in tops]
    found: dict[str, Path] = {}
    for top, sweep in zip(tops, sweeps, strict=True):
        prefix = "" if len(tops) == 1 else f"{top.resolve().name}/"
        for name, folder in _of_a_sweep(sweep) if sweep else _of_a_folder(top):
            found.setdefault(prefix + name, folder)
    return ChosenRuns(found, _levels(sweeps[0]) if len(sweeps) == 1 and sweeps[0] else {})


def _of_a_sweep(sweep: SweepRecord) -> Iterator[tuple[str, Path]]:
    for job in sweep.content["jobs"]:
        if job["stage"] == "measure" and (sweep.folder / job["name"]).is_dir():
            yield job["name"], sweep.folder / job["name"]
    means = sweep.folder / ARMS
    for folder in sorted(means.iterdir()) if means.is_dir() else ():
        yield MEAN + folder.name, folder


def _of_a_folder(top: Path) -> Iterator[tuple[str, Path]]:
    """A run alone has its folder's name, where TensorBoard would call it `.`."""
    for folder in run_folders(top):
        name = folder.resolve().name if folder == top else folder.relative_to(top).as_posix()
        yield name, folder


def _levels(sweep: SweepRecord) -> dict[str, tuple[str, ...]]:
    labels = [job["labels"] for job in sweep.content["jobs"] if job["stage"] == "measure"]
    return {axis: tuple(dict.fromkeys(each[axis] for each in labels if axis in each)) for axis in sweep.axes}
