"""The parts of the benchmark, each measured in a process of its own; what it found is kept as JSON."""

import json
import multiprocessing
import os
import traceback
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from bench_parts.machine import facts, others
from bench_parts.settings import Settings

PARTS = {
    "loop": "loop",
    "peers": "peers_side_by_side",
    "run": "whole_run",
    "settings": "switches",
    "growth": "growth",
    "waiting": "waiting",
    "augmentation": "augmented",
    "accuracy": "accuracy",
    "recipe": "recipe",
}
BY_DEFAULT = [name for name in PARTS if name != "accuracy"]
ON_ALONE = {"waiting": "cpu", "accuracy": "cpu", "recipe": "cuda"}

# {(device, part): what its process left}
Found = dict[tuple[str, str], dict[str, Any]]


def measure_apart(name: str, settings: Settings) -> bool:
    """Measure a part; False if it failed, which what it leaves says, too."""
    if settings.device != ON_ALONE.get(name, settings.device):
        print(f"{name} is measured on {ON_ALONE[name]} alone")
        return True
    print(f"{name}:", flush=True)
    os.environ["OMP_NUM_THREADS"] = str(settings.threads)
    path = _path(settings.folder, settings.device, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    process = multiprocessing.get_context("spawn").Process(target=_measure, args=(name, settings))
    process.start()
    process.join()
    if not path.exists():
        path.write_text(json.dumps({"failed": f"its process ended with {process.exitcode}"}))
    left = json.loads(path.read_text())
    print(f"{name}: {left.get('failed') or format(left['seconds'], '.0f') + ' s'}", flush=True)
    return "failed" not in left


def _measure(name: str, settings: Settings) -> None:
    began = perf_counter()
    try:
        import logging

        logging.getLogger("cnnlab").setLevel(logging.ERROR)  # no remarks on runs that are only timed
        machine = facts(settings.threads, settings.device)
        found = import_module(f"bench_parts.{PARTS[name]}").measure(settings)
        machine["others"] = max(machine["others"], others())
        short = settings.steps is not None or settings.rounds is not None
        left = {"machine": machine, "found": found, "short": short, "seconds": perf_counter() - began}
    except Exception as error:
        traceback.print_exc()
        left = {"failed": traceback.format_exception_only(error)[-1].splitlines()[0]}
    _path(settings.folder, settings.device, name).write_text(json.dumps(left, indent=1))


def read(folder: Path) -> Found:
    paths = {(device, name): _path(folder, device, name) for device in ("cpu", "cuda") for name in PARTS}
    return {key: json.loads(path.read_text()) for key, path in paths.items() if path.exists()}


def _path(folder: Path, device: str, name: str) -> Path:
    return folder / device / f"{name}.json"
