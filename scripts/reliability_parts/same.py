"""Whether two runs left the same: results but for times, logs byte by byte, weights bit by bit, all curves."""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TIMES = ("time/", "telemetry/overhead")


def differences(one: Path, other: Path) -> list[str]:
    """What differs; empty if nothing does."""
    return [*_results(one, other), *_logs(one, other), *_weights(one, other), *_curves(one, other)]


def _results(one: Path, other: Path) -> Iterator[str]:
    a, b = (json.loads((run / "results.json").read_text()) for run in (one, other))
    for key in sorted({*a, *b}):
        if not key.startswith(TIMES) and a.get(key) != b.get(key):
            yield f"results {key}"


def _logs(one: Path, other: Path) -> Iterator[str]:
    if (one / "metrics.jsonl").read_bytes() != (other / "metrics.jsonl").read_bytes():
        yield "metrics.jsonl"
    if (one / "config.yaml").read_bytes() != (other / "config.yaml").read_bytes():
        yield "config.yaml"


def _weights(one: Path, other: Path) -> Iterator[str]:
    for name in ("last", "best"):
        a, b = (torch.load(run / "checkpoints" / f"{name}.pt", weights_only=True) for run in (one, other))
        if a["step"] != b["step"]:
            yield f"{name}.pt is of step {a['step']} and {b['step']}"
        for key, weight in a["network"].items():
            if not torch.equal(weight, b["network"][key]):
                yield f"{name}.pt {key}"
        if str(a.get("optimizer")) != str(b.get("optimizer")):
            yield f"{name}.pt optimizer"


def _curves(one: Path, other: Path) -> Iterator[str]:
    a, b = (_read(run) for run in (one, other))
    for tag in sorted({*a, *b}):
        if a.get(tag) != b.get(tag):
            yield f"TensorBoard {tag}"


def _read(folder: Path) -> dict[str, list[str]]:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0, "histograms": 0})
    events.Reload()
    found = {tag: [f"{e.step} {e.value}" for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    return found | {tag: [f"{e.step}" for e in events.Images(tag)] for tag in events.Tags()["images"]}
