"""Writes measurements to metrics.jsonl and TensorBoard, and keeps them in memory for the diagnosis."""

from collections.abc import Callable, Iterator, Mapping
from math import inf
from time import monotonic

from torch import Tensor

from cnnlab.telemetry import by_depth
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.schedule import Schedule
from cnnlab.telemetry.tensorboard import Dashboard

Log = Callable[[int, int, Mapping[str, float]], None]  # step, epoch, values
WAIT_S = 0.5  # at most this long a measured step waits to be computed and written with those after it


class Recorder:
    """Records the measurements of `probe`; `history` holds what was logged, oldest first.

    Written one by one, the numbers of a step take four times as long: the training drives all that is needed for it out
    of the caches.
    """

    def __init__(self, probe: Probe, schedule: Schedule, dashboard: Dashboard, log: Log):
        self.probe, self.schedule, self.dashboard, self.log = probe, schedule, dashboard, log
        self._history: list[dict[str, float]] = []
        self._waiting: list[tuple[int, int, Mapping[str, float]]] = []  # measured steps: step, epoch, known
        self._written = -inf

    @property
    def history(self) -> list[dict[str, float]]:
        self.flush()
        return self._history

    @history.setter
    def history(self, rows: list[dict[str, float]]) -> None:
        self._history = rows

    def measured(
        self, step: int, epoch: int, extra: Mapping[str, Tensor], known: Mapping[str, float]
    ) -> Mapping[str, float]:
        """Record the watched step's statistics with `extra` and `known`; returns them, to be computed when one of them
        is looked at."""
        self.probe.add(extra)
        self._waiting.append((step, epoch, known))
        row = Row(self, len(self._history) + len(self._waiting) - 1)
        self.rest()
        return row

    def record(self, step: int, epoch: int, values: Mapping[str, float]) -> None:
        self.flush()
        self._write(step, epoch, values)

    def rest(self) -> None:
        """Write what has waited long enough."""
        if self._waiting and monotonic() - self._written >= WAIT_S:
            self.flush()

    def flush(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        # Not strict: the step that raised may have been watched, and not been recorded.
        for (step, epoch, known), values in zip(waiting, self.probe.take(), strict=False):
            self._write(step, epoch, {**known, **values})
        self._written = monotonic()

    def _write(self, step: int, epoch: int, values: Mapping[str, float]) -> None:
        self._history.append({"step": step, "epoch": epoch, **values})
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


class Row(Mapping[str, float]):
    """A row of a recorder's history, which is computed when it is looked at."""

    def __init__(self, recorder: Recorder, place: int):
        self._recorder, self._place = recorder, place

    def __getitem__(self, key: str) -> float:
        return self._recorder.history[self._place][key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._recorder.history[self._place])

    def __len__(self) -> int:
        return len(self._recorder.history[self._place])


def _is_layer_key(key: str) -> bool:
    return key.count("/") == 2
