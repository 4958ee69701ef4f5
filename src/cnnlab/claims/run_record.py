"""One run as its folder tells of it: status as it really is, results, settings, history."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from cnnlab.runs.run_folder import read_metrics
from cnnlab.runs.status import real_status

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LAYER = re.compile(r"/\d\d+(_|$)")
_WORDS = {"nan", "inf", "-inf"}  # how results.json writes what JSON lacks

BROKEN = ("failed", "interrupted", "damaged")


@dataclass(frozen=True)
class RunRecord:
    """A run, or a job of a sweep that never ran. `labels`: {axis: value as text}; `seed`: as text; `overrides`: as
    typed, None if not known; `planned`: a job's config, YAML; `status`: run.json's content."""

    name: str
    folder: Path
    stage: str = "measure"
    labels: Mapping[str, str] = field(default_factory=dict)
    seed: str | None = None
    overrides: tuple[str, ...] | None = None
    sweep: Path | None = None
    planned: str | None = None
    status: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """completed | diverged | running | queued | failed | interrupted | damaged"""
        return self.status["status"]

    @property
    def reason(self) -> str:
        return str(self.status.get("error") or "")

    def value(self, key: str) -> float | None:
        """A number of results.json, NaN or infinite where training made it so; None where there is none."""
        value = self.results.get(key)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved settings, nested; empty for a run from plain Python, which has none, and where it is damaged."""
        path = self.folder / "config.yaml"
        try:
            found = yaml.load(path.read_text(encoding="utf-8") if path.is_file() else self.planned or "", _LOADER)
        except (ValueError, yaml.YAMLError):
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def history(self) -> list[dict[str, float]]:
        """The logged steps."""
        return read_metrics(self.folder) if (self.folder / "metrics.jsonl").is_file() else []


def read_status(folder: Path) -> dict[str, Any]:
    """run.json with the status that is true now; `damaged` where it, or a finished run's results, cannot be read."""
    run = real_status(folder)
    if run["status"] in ("completed", "diverged") and not _results(folder):
        return {**run, "status": "damaged", "error": "results.json is missing or cannot be read"}
    return run


def read_run(folder: Path, name: str, **known: Any) -> RunRecord:
    """`known`: what a sweep.json says of the run; the rest comes from its folder."""
    status = read_status(folder)
    seed = known.pop("seed", None)
    if seed is None and status.get("seed") is not None:
        seed = str(status["seed"])
    if known.get("overrides") is None and isinstance(status.get("overrides"), dict):
        known["overrides"] = [f"{key}={value}" for key, value in status["overrides"].items()]
    if known.get("overrides") is not None:
        known["overrides"] = tuple(known["overrides"])
    # What is damaged counts as such, and not as a result besides.
    results = {} if status["status"] == "damaged" else _results(folder)
    return RunRecord(name, folder, seed=seed, status=status, results=results, **known)


def is_of_a_layer(key: str) -> bool:
    """Or of a filter: activation/std/03_block2.conv1@end, first_layer/cosine/003, of which a run has hundreds."""
    return bool(_LAYER.search(key))


def _results(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "results.json").read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: float(v) if isinstance(v, str) and v in _WORDS else v for key, v in found.items()}


def is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
