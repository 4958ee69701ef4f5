"""Chooses, for each arm, the setting with the best mean validation accuracy."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from cnnlab.claims.run_record import read_status
from cnnlab.cli.sweeps.frozen import FrozenJob
from cnnlab.cli.sweeps.plan import Plan, points
from cnnlab.cli.sweeps.record import METRIC
from cnnlab.runs.status import FINISHED


def choose(sweep: Path, plan: Plan, tuning: Sequence[FrozenJob]) -> list[dict[str, Any]]:
    """For each arm whose tuning runs are all finished: its labels, the best setting, and the scores of the grid.

    Of equally good settings the first of the grid is taken. `edge`: the keys whose best value is an end of their list.
    """
    chosen = []
    for labels in _unique([dict(job.planned.labels) for job in tuning]):
        own = [job for job in tuning if job.planned.labels == labels]
        if all(read_status(sweep / job.name)["status"] in FINISHED for job in own):
            scores = [_score(sweep, setting, own) for setting in points(plan.grid)]
            best = max(scores, key=lambda score: score["mean"])["setting"]
            edge = [k for k, grid in plan.grid.items() if len(grid) > 1 and best[k] in (grid[0], grid[-1])]
            chosen.append({"labels": labels, "setting": best, "edge": edge, "scores": scores})
    return chosen


def _score(sweep: Path, setting: dict[str, str], jobs: Sequence[FrozenJob]) -> dict[str, Any]:
    own = [job for job in jobs if job.planned.setting == setting]
    values = [float(json.loads((sweep / job.name / "results.json").read_text())[METRIC]) for job in own]
    return {"setting": setting, "mean": fmean(values), "values": values}


def _unique(labels: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return [found for i, found in enumerate(labels) if found not in labels[:i]]
