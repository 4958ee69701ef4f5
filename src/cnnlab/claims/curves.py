"""Mean and band over the seeds of a group: learning curves, and signal or gradient against depth."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cnnlab.claims.groups import Group
from cnnlab.claims.run_record import RunRecord
from cnnlab.diagnosis.logged_step import AGAIN


@dataclass(frozen=True)
class Band:
    """Mean, lowest and highest of the runs at each `x`, a step or a layer's number."""

    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __bool__(self) -> bool:
        return bool(self.x)


@dataclass(frozen=True)
class DepthProfile:
    """A statistic against depth: at initialization, after training, and theory's curve with its band, which are of the
    same network in every seed. `layers`: names by number."""

    init: Band
    end: Band
    theory: Band
    layers: Mapping[int, str]


def learning_curve(group: Group, key: str) -> Band:
    """Of what was logged under `key`, e.g. validation/accuracy; values that are no numbers are left out."""
    return _band((row["step"], row[key]) for run in group.runs for row in run.history if key in row)


def depth_profile(runs: Sequence[RunRecord], what: str) -> DepthProfile:
    """`what`: activation or gradient. A layer without activation, as the last, has its pre-activation's deviation."""
    names: dict[int, str] = {}
    found: dict[str, list[tuple[float, float]]] = {part: [] for part in ("init", "end", "", "_lower", "_upper")}
    for run in runs:
        for part in found:
            for layer, value in _by_layer(run, what, part).items():
                number = int(layer.split("_", 1)[0])
                names[number] = layer.partition("_")[2]
                found[part].append((number, value))
    mean, low, high = (_band(found[part]) for part in ("", "_lower", "_upper"))
    bounded = bool(mean) and low.x == high.x == mean.x
    theory = Band(mean.x, mean.mean, low.low, high.high) if bounded else Band((), (), (), ())
    return DepthProfile(_band(found["init"]), _band(found["end"]), theory, dict(sorted(names.items())))


def _by_layer(run: RunRecord, what: str, part: str) -> dict[str, float]:
    kinds = ("preactivation", "activation") if what == "activation" else (what,)
    found: dict[str, float] = {}
    for kind in kinds:  # an activation overwrites its pre-activation
        if part in ("init", "end"):
            start, end = f"{kind}/std/", f"@{part}"
        else:
            start, end = f"theory/{kind}_std{part}/", ""
        for key in run.results:
            if key.startswith(start) and key.endswith(end) and not AGAIN.search(key):
                value = run.value(key)
                if value is not None and math.isfinite(value):
                    found[key[len(start) : len(key) - len(end)]] = value
    return found


def _band(points: Iterable[tuple[float, float]]) -> Band:
    at: dict[float, list[float]] = {}
    for x, value in points:
        if math.isfinite(value):
            at.setdefault(x, []).append(value)
    x = sorted(at)
    return Band(
        tuple(x),
        tuple(sum(at[i]) / len(at[i]) for i in x),
        tuple(min(at[i]) for i in x),
        tuple(max(at[i]) for i in x),
    )
