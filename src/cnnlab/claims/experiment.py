"""All runs of one report: a record each, one table, and by what they are grouped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from cnnlab.claims.axes import NONE, differing, is_function, settings_of
from cnnlab.claims.find_runs import SweepRecord, find
from cnnlab.claims.run_record import RunRecord, is_of_a_layer

REPEAT = "repeat"
_FACTS = ("started", "finished", "device", "device_name", "host", "commit", "config_hash")


@dataclass(frozen=True)
class Experiment:
    """`axes`: what the groups differ in, the seed left out. `paired`: compared by seed, as was said beforehand."""

    folders: tuple[Path, ...]
    sweeps: tuple[SweepRecord, ...]
    runs: tuple[RunRecord, ...]
    axes: tuple[str, ...]

    @property
    def paired(self) -> bool:
        return bool(self.sweeps) and all(sweep.content["paired"] for sweep in self.sweeps)

    @property
    def measured(self) -> list[RunRecord]:
        """Without the runs that only chose settings, and each run once."""
        return [run for run in self.runs if run.stage == "measure"]

    @property
    def is_one_run(self) -> bool:
        return len(self.measured) == 1

    @property
    def repeats(self) -> list[RunRecord]:
        """Runs with config and seed of another, in another sweep: the same number twice is not two seeds."""
        return [run for run in self.runs if run.stage == REPEAT]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a run, also of the tune stage: name, labels, seed, status, and all of results.json but single layers'
        values."""
        return pd.DataFrame([self._row(run) for run in self.runs])

    def _row(self, run: RunRecord) -> dict[str, object]:
        row: dict[str, object] = {"run": run.name, "folder": str(run.folder), "stage": run.stage}
        row |= {axis: run.labels.get(axis, NONE) for axis in self.axes}
        row |= {"seed": run.seed, "status": run.state, "error": run.reason}
        row |= {fact: run.status.get(fact) for fact in _FACTS}
        return row | {key: value for key, value in run.results.items() if not is_of_a_layer(key)}


def load(folders: Sequence[Path]) -> Experiment:
    """Read the runs at and below `folders`. Raises InputError where there are none."""
    sweeps, alone = find(folders)
    runs = [run for sweep in sweeps for run in sweep.runs()] + alone
    axes = list(dict.fromkeys(axis for sweep in sweeps for axis in sweep.axes))
    labels = [{axis: run.labels.get(axis, NONE) for axis in axes} for run in runs]
    if len(sweeps) != 1 or alone:
        labels = _completed(runs, labels)
    kept = list(labels[0]) if labels else []
    runs = _once([replace(run, labels=each) for run, each in zip(runs, labels, strict=True)])
    return Experiment(tuple(folders), tuple(sweeps), tuple(runs), tuple(kept))


def _once(runs: Sequence[RunRecord]) -> list[RunRecord]:
    seen: dict[object, RunRecord] = {}
    marked = []
    for run in runs:
        config = run.status.get("config_hash")
        counts = run.stage == "measure" and config is not None and bool(run.results)
        # Two arms may have equal settings, as a default and its value written out.
        first = seen.setdefault((config, *run.labels.items()), run) if counts else run
        marked.append(run if first is run else replace(run, stage=REPEAT))
    return marked


def _completed(runs: Sequence[RunRecord], labels: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """What the runs of several folders differ in besides, so that no group mixes two settings."""
    measured = [i for i, run in enumerate(runs) if run.stage == "measure"]
    completed = [dict(each) for each in labels]
    for run, each in zip(runs, completed, strict=True):
        if NONE in each.values():
            settings = settings_of(run)
            each |= {axis: settings.get(axis, NONE) for axis, value in each.items() if value == NONE}
    named = [[completed[i][axis] for i in measured] for axis in labels[0]]
    for name, values in differing([runs[i] for i in measured]).items():
        if name in labels[0] or is_function(values, named):
            continue  # an axis, or an arm's own settings
        found = dict(zip(measured, values, strict=True))
        for i, each in enumerate(completed):
            each[name] = found.get(i, NONE)
    return completed
