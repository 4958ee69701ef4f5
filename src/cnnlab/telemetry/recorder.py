"""Writes measurements to metrics.jsonl and TensorBoard, and keeps them in memory for the diagnosis."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from cnnlab.telemetry import by_depth
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.schedule import Schedule
from cnnlab.telemetry.tensorboard import Dashboard

Log = Callable[[int, int, Mapping[str, float]], None]  # step, epoch, values


@dataclass
class Recorder:
    """Records the measurements of `probe`; `history` holds what was logged, oldest first."""

    probe: Probe
    schedule: Schedule
    dashboard: Dashboard
    log: Log
    history: list[dict[str, float]] = field(default_factory=list)

    def measured(
        self, step: int, epoch: int, extra: Mapping[str, Tensor], known: Mapping[str, float]
    ) -> dict[str, float]:
        """Fetch the watched step's statistics and `extra` from the device and record them with `known`."""
        values = {**known, **self.probe.read(extra)}
        self.record(step, epoch, values)
        return values

    def record(self, step: int, epoch: int, values: Mapping[str, float]) -> None:
        self.history.append({"step": step, "epoch": epoch, **values})
        self.log(step, epoch, values)
        self.dashboard.scalars(step, values)

    def by_depth(self, when: str) -> dict[str, float]:
        """Draw the last measurement against depth; returns it as results, `<what>/<statistic>/<layer>@<when>`."""
        last = next((row for row in reversed(self.history) if any(map(_is_layer_key, row))), {})
        layers = {key: value for key, value in last.items() if _is_layer_key(key)}
        self.draw_by_depth(layers, when)
        return {f"{key}@{when}": value for key, value in layers.items()}

    def draw_by_depth(self, layers: Mapping[str, float], when: str, part: str = "") -> None:
        """{`<what>/<statistic>/<layer>`: value} as the charts `<what>_<statistic><part>@<when>`."""
        for name, values in by_depth.charts(layers, when, part).items():
            self.dashboard.by_depth(name, values)


def _is_layer_key(key: str) -> bool:
    return key.count("/") == 2
