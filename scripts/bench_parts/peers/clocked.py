"""Times a training loop from inside, turn by turn, as the parent process asks through a pipe; standard library only.

The parent writes a line for each turn, `untimed timed` steps, or `evaluate`; the loop calls `step()` behind each of its
steps, which answers with a line of JSON when the turn is over, and waits. When the pipe is closed, the process ends.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from time import perf_counter


class Clocked:
    """`finish`: waits for a device. `evaluate`: the accuracy on the test images."""

    def __init__(self, finish: Callable[[], object] | None = None, evaluate: Callable[[], float] | None = None):
        reading, writing = map(int, os.environ["BENCH_PIPES"].split(","))
        self.reading, self.writing = os.fdopen(reading), os.fdopen(writing, "w")
        self.finish, self.evaluate = finish or (lambda: None), evaluate
        self._next()

    def step(self) -> None:
        """Call after every training step."""
        self.left -= 1
        if self.left == self.timed:
            self._begin()
        if self.left == 0:
            self.finish()
            seconds = perf_counter() - self.began
            self._answer(seconds=seconds, peak=peak())
            self._next()

    def _next(self) -> None:
        while (line := self.reading.readline().strip()) == "evaluate":
            assert self.evaluate is not None
            self._answer(accuracy=self.evaluate())
        if not line:
            os._exit(0)
        untimed, self.timed = map(int, line.split())
        self.left = untimed + self.timed
        if untimed == 0:
            self._begin()

    def _begin(self) -> None:
        self.finish()
        self.began = perf_counter()

    def _answer(self, **values: float) -> None:
        self.writing.write(json.dumps(values) + "\n")
        self.writing.flush()


def peak() -> int:
    """Bytes of main memory that this process took at most. Linux's `ru_maxrss` begins with that of its parent."""
    if sys.platform == "linux":
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
