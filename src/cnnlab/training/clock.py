"""How long steps take, and what measuring them costs, without making the device wait."""

from statistics import median
from time import perf_counter

import torch


class StepClock:
    """Times training steps in stretches: each measured step is one, all plain steps between two are one.

    On CUDA the marks are events in the stream, read when the run is over, so nothing waits.
    """

    def __init__(self, device: torch.device):
        self.device = device
        self._stretches: list[tuple[bool, int, float | torch.cuda.Event, float | torch.cuda.Event]] = []
        self._steps = 0

    def start(self, measured: bool) -> None:
        """Begin a stretch: at a run's or an epoch's first step, told whether telemetry measures it."""
        self._measured, self._steps, self._begin = measured, 0, self._mark()

    def step(self, next_measured: bool) -> None:
        """One step is over."""
        self._steps += 1
        if self._measured or next_measured:
            self.stop()
            self.start(next_measured)

    def stop(self) -> None:
        if self._steps:
            self._stretches.append((self._measured, self._steps, self._begin, self._mark()))
        self._steps = 0

    def report(self) -> dict[str, float]:
        """`time/step_ms`: a plain step; `telemetry/overhead`: time added by measuring over the plain steps' time.

        A measured step counts with the median of its kind, since the first one also warms the device up. What
        cannot be told, because no step or every step was measured, is left out.
        """
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        plain = [(steps, _seconds(a, b)) for measured, steps, a, b in self._stretches if not measured]
        logged = [_seconds(a, b) for measured, _, a, b in self._stretches if measured]
        if not plain:
            return {"time/step_ms": 1000 * median(logged)} if logged else {}
        steps = sum(n for n, _ in plain)
        step = sum(seconds for _, seconds in plain) / steps
        cost = len(logged) * (median(logged) - step) if logged else 0.0
        return {"time/step_ms": 1000 * step, "telemetry/overhead": cost / (step * (steps + len(logged)))}

    def _mark(self) -> float | torch.cuda.Event:
        if self.device.type != "cuda":
            return perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event


def _seconds(begin: float | torch.cuda.Event, end: float | torch.cuda.Event) -> float:
    if isinstance(begin, torch.cuda.Event) and isinstance(end, torch.cuda.Event):
        return begin.elapsed_time(end) / 1000
    assert isinstance(begin, float) and isinstance(end, float)
    return end - begin
