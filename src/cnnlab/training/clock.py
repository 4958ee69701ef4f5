"""Time per step and overhead of measuring, without synchronizing the device."""

from collections.abc import Callable, Collection
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import torch

Mark = float | torch.cuda.Event


class Stretch(NamedTuple):
    """`steps` consecutive steps starting at `first`, all measured or none."""

    first: int
    steps: int
    measured: bool
    begin: Mark
    end: Mark


class StepClock:
    """Times training steps in stretches: each measured step is one, and so are all plain steps between two of them.

    On CUDA the marks are events in the stream, read at the end of the run, so that nothing synchronizes.
    """

    def __init__(self, device: torch.device):
        self.device = device
        self._stretches: list[Stretch] = []
        self._steps = self._first = 0
        self.stepped: float | None = None  # when the first step was done, by `perf_counter`

    def start(self, step: int, measured: bool) -> None:
        """Begin a stretch at `step`; `measured`: whether telemetry measures it."""
        self._first, self._measured, self._begin = step, measured, self._mark()

    def done(self) -> None:
        """The weights are updated, and measured if due. What is done until `step`, as drawing, is part of this step."""
        self.stepped = self.stepped or perf_counter()

    def step(self, next_measured: bool) -> None:
        """One step is over."""
        self._steps += 1
        if self._measured or next_measured:
            self.stop()
            self.start(self._first, next_measured)

    def stop(self) -> None:
        if self._steps:
            self._stretches.append(Stretch(self._first, self._steps, self._measured, self._begin, self._mark()))
        self._first, self._steps = self._first + self._steps, 0

    def report(self, drawn: Collection[int] = ()) -> dict[str, float]:
        """`time/step_ms`: of a plain step; `telemetry/overhead`: extra time of measured steps over that of plain ones.

        Every measured step counts with their median, which leaves out step 0 (warm-up) and the steps in `drawn` (which
        made pictures) if others remain. Without plain steps there is no overhead, and `time/step_ms` is that of the
        measured ones.
        """
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        # The first plain stretch includes one-time work: compiling, choosing algorithms.
        plain = [s for s in self._stretches if not s.measured]
        plain = plain[1:] or plain
        measured = [s for s in self._stretches if s.measured]
        seconds = [_seconds(s) for s in measured if s.first not in {0, *drawn}] or [_seconds(s) for s in measured]
        if not plain:
            return {"time/step_ms": 1000 * median(seconds)} if seconds else {}
        steps = sum(s.steps for s in plain)
        step = sum(map(_seconds, plain)) / steps
        cost = len(measured) * (median(seconds) - step) if measured else 0.0
        return {
            "time/step_ms": 1000 * step,
            "telemetry/overhead": cost / (step * sum(s.steps for s in self._stretches)),
        }

    def _mark(self) -> Mark:
        if self.device.type != "cuda":
            return perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event


def _seconds(stretch: Stretch) -> float:
    begin, end = stretch.begin, stretch.end
    if isinstance(begin, torch.cuda.Event) and isinstance(end, torch.cuda.Event):
        return begin.elapsed_time(end) / 1000
    assert isinstance(begin, float) and isinstance(end, float)
    return end - begin


def milliseconds(work: Callable[[], Any], device: torch.device, times: int = 5) -> float:
    """Median over `times` calls of `work`, after one that warms up, with all that it starts on the device."""
    seconds = []
    for _ in range(1 + times):
        began = perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(perf_counter() - began)
    return 1000 * median(seconds[1:])
