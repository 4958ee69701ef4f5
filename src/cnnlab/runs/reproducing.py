"""`reproduce=RUN`: whether a run that was made again left the same numbers, and what else is not as it was."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlab.common.errors import InputError
from cnnlab.runs.run_folder import plain

TIMES = ("time/", "telemetry/overhead")
# Of run.json: by these the same config can leave other numbers. Different threads add in another order.
CIRCUMSTANCES = ("commit", "diff", "platform", "device", "device_name", "seed")

FURTHER = "times it was trained further"


@dataclass(frozen=True)
class Comparison:
    """`results`, `steps`: what differs, {key: (there, now)}; steps as a whole. `of`: how many numbers and steps there
    are. `circumstances`: what was not as it is now, by name."""

    results: Mapping[str, tuple[Any, Any]]
    steps: int
    of: tuple[int, int]
    circumstances: Mapping[str, tuple[Any, Any]]

    @property
    def same(self) -> bool:
        return not self.results and not self.steps


def compare(there: Path, now: Path) -> Comparison:
    """Two run folders; times are left out. Raises InputError as `recorded`."""
    (first, rows, run), (second, again, run_now) = (recorded(folder) for folder in (there, now))
    keys = [key for key in {**first, **second} if not key.startswith((*TIMES, "diagnosis/repair"))]
    return Comparison(
        {key: (first.get(key), second.get(key)) for key in keys if first.get(key) != second.get(key)},
        sum(a != b for a, b in zip(rows, again, strict=False)) + abs(len(rows) - len(again)),
        (len(keys), max(len(rows), len(again))),
        _circumstances(run, run_now),
    )


def check_images(folder: Path, now: Mapping[str, Any]) -> None:
    """Raise InputError where the run saw other images than these, of which `now` are the facts in results.json: no
    number could be the same."""
    if (told := other_images(recorded(folder)[0], now)) is not None:
        raise InputError(
            f"reproduce={folder}: the images are not those of that run: {told}.\n"
            "Bring those back; dataset.root=FOLDER reads them from elsewhere."
        )


def other_images(there: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """What a run's images were and what they are `now`, both as in results.json; None where they are the same, as far
    as the run noted them."""
    if all(there.get(key, value) == value for key, value in now.items()):
        return None
    then, these = (
        f"{facts.get('train/images', 0):,} to train on, with fingerprint {facts.get('data/fingerprint')}"
        for facts in (there, now)
    )
    return f"then {then}, now {these}"


def recorded(folder: Path) -> tuple[dict[str, Any], list[str], dict[str, Any]]:
    """A run's results, its logged steps as text, and its run.json. Raises InputError where one of them is missing."""
    name = "results.json"
    try:
        results = json.loads((folder / name).read_text())
        name = "metrics.jsonl"
        rows = (folder / name).read_text().splitlines()
        name = "run.json"
        return results, rows, json.loads((folder / name).read_text())
    except (OSError, ValueError) as error:
        raise InputError(
            f"reproduce={folder}: its {name} cannot be read ({type(error).__name__}), so there is nothing to compare "
            "with.\nOnly a run that came to its end can be reproduced."
        ) from error


def _circumstances(there: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    before, after = (
        {key: run.get(key) for key in CIRCUMSTANCES} | plain(run.get("versions", {})) | {FURTHER: _further(run)}
        for run in (there, now)
    )
    return {key: (before.get(key), after.get(key)) for key in {**before, **after} if before.get(key) != after.get(key)}


def _further(run: Mapping[str, Any]) -> int:
    """How often it was given more steps, so that its schedule was that of fewer at first."""
    before = {attempt.get("steps") or 0 for attempt in run.get("attempts", [])}
    return sum(0 < steps < run.get("steps", 0) for steps in before)
