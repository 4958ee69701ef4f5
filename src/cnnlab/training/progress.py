"""Progress bar of a training run, shown only on a terminal."""

from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class TrainingProgress:
    """Steps, loss, accuracy, images/s and time left, on stderr."""

    # Between redraws: ten per second look smooth at no measurable cost.
    INTERVAL_S = 0.1

    def __init__(self, steps: int, batch_size: int, shown: bool = True):
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
            TaskProgressColumn(show_speed=False),
            TimeRemainingColumn(compact=True),
            console=console,
            auto_refresh=False,
            transient=True,
            disable=not (shown and console.is_terminal),
        )
        self._task = self._bar.add_task("training", total=steps, state="")
        self._state: dict[str, float] = {}
        self._batch_size, self._first = batch_size, 0
        self._drawn = self._began = 0.0

    def __enter__(self) -> "TrainingProgress":
        self._bar.start()
        self._drawn = self._began = perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begun_at(self, step: int) -> "TrainingProgress":
        """The first `step` steps were done earlier."""
        self._first = step
        self._bar.update(self._task, completed=step)
        return self

    def at(self, step: int) -> None:
        """`step` steps are done; redraws at most every INTERVAL_S."""
        now = perf_counter()
        if now - self._drawn < self.INTERVAL_S or self._bar.disable:
            return
        self._drawn = now
        speed = (step - self._first) * self._batch_size / (now - self._began)
        state = " ".join(f"{name} {value:.3f}" for name, value in self._state.items())
        self._bar.update(self._task, completed=step, state=f"{state} {speed:,.0f} images/s", refresh=True)

    def describe(self, **values: float) -> None:
        """Set the values shown beside the bar: loss=..., accuracy=..."""
        self._state = values
