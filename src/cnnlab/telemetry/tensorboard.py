"""TensorBoard output: the keys of metrics.jsonl as tags, charts against depth, one row per run in HPARAMS."""

# pyright: reportAttributeAccessIssue=false
# (protobuf creates its classes at import, invisible to type checkers)

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_SCALAR, Summary, SummaryMetadata
from torch.utils.tensorboard import summary

from cnnlab.common.words import names_in_any_script
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import size_on_disk
from cnnlab.telemetry import by_depth, hparams
from cnnlab.telemetry.event_file import EventFile
from cnnlab.telemetry.histograms import Histogram

# The default tab expands the first two sections in ASCII order: capitals put these first.
FIRST = {
    "train/accuracy": "Accuracy/train",
    "validation/accuracy": "Accuracy/validation",
    "train/loss": "Loss/train",
    "validation/loss": "Loss/validation",
}

BAND = ("", "_lower", "_upper")

# CUSTOM SCALARS: all curves of a run share a colour, so a chart here has few curves of each; for all layers there are
# heat maps.
LEARNING = {
    "loss": ["Multiline", ["^Loss/", "^test/loss$"]],
    "accuracy": ["Multiline", ["^Accuracy/", "^test/accuracy$"]],
}
# Multiline charts are smoothed, which is wrong against depth; Margin charts are not, so these are Margin charts, with
# zero margin in a sweep. TensorBoard reverses the order: activations are listed last to be shown first.
THEORY = {
    f"standard deviation of {what}s": ["Margin", [by_depth.tag(f"{what}_std{part}@init") for part in BAND]]
    for what in ("gradient", "activation")
}
DEPTH = {
    f"log10 of the standard deviation of {what}s, {when}": ["Margin", [by_depth.tag(f"{what}_std_log10@{moment}")] * 3]
    for moment, when in (("end", "after training"), ("init", "before the first update"))
    for what in ("gradient", "activation")
}
LEARNING_OF_A_SWEEP = {
    "validation loss": ["Multiline", ["^Loss/validation$"]],
    "validation accuracy": ["Multiline", ["^Accuracy/validation$"]],
}


def layout(*, sweep: bool, layers: bool, theory: bool) -> dict[str, dict[str, Any]]:
    """Categories and charts of the CUSTOM SCALARS tab; a chart without data would show an error."""
    if sweep:
        charts = {"Learning, one curve per run": LEARNING_OF_A_SWEEP}
        name = f"Signal against depth, one curve per run; Step is the layer, 0 is drawn at {by_depth.FLOOR:g}"
        return charts | ({name: DEPTH} if layers else {})
    name = "Before the first update, in the band of theory; Step is the layer"
    return {"Learning": LEARNING} | ({name: THEORY} if theory else {})


def tag(key: str) -> str:
    """The tag of a key: the key itself, except for the four curves shown first."""
    return FIRST.get(key, key)


class Dashboard:
    """One run's event file in `folder`."""

    def __init__(self, folder: Path):
        self.folder, self.file = folder, EventFile(folder)
        self._scalars: dict[tuple[str, ...], Event] = {}

    def begin(self, request: Request, *, layers: bool = True, theory: bool = False) -> None:
        """Write the run's row in HPARAMS and the charts of the CUSTOM SCALARS tab.

        `layers`: whether layers are measured; `theory`: whether predictions are drawn.
        """
        charts = summary.custom_scalars(layout(sweep=bool(request.swept), layers=layers, theory=theory))
        for head in (hparams.experiment(request.swept), hparams.start(hparams.row(request), self.folder.name), charts):
            self.file.add(head)

    def sizes(self) -> dict[str, int]:
        """The run's event files, with how many bytes of them are written."""
        return {path.name: size_on_disk(path) for path in self._files()}

    def cut(self, sizes: Mapping[str, int]) -> None:
        """Shorten the event files to what `sizes` found, drop those that came later, and go on in a new one."""
        for path in self._files():
            if path.name not in sizes:
                path.unlink()
            elif path.stat().st_size > sizes[path.name]:
                os.truncate(path, sizes[path.name])
        # Files are read in the order of their names, which begin with the second in which they were made. The clock
        # may have been put back since, or be another machine's.
        seconds = [int(path.name.split(".")[3]) for path in self._files()]
        self.file = EventFile(self.folder, after=max(seconds, default=0))

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("events.out.tfevents.*"))

    def end(self, success: bool) -> None:
        """Complete the row."""
        self.file.add(hparams.end(success))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """All values of a step in one event. Steps with the same keys share it, which is four times as fast as a new
        one for each."""
        keys = tuple(values)
        if keys not in self._scalars:
            self._scalars[keys] = Event(summary=Summary(value=[Summary.Value(tag=tag(key)) for key in keys]))
        event = self._scalars[keys]
        event.step = step
        for place, value in zip(event.summary.value, values.values(), strict=True):
            place.simple_value = value
        self.file.write(event)

    def by_depth(self, name: str, values: Mapping[str, float]) -> None:
        """A statistic against depth, with the layer's number as TensorBoard's step: one line per run.

        `values`: {layer name: value}, the name starting with the number.
        """
        self.curve(by_depth.tag(name), by_depth.points(values), by_depth.description(name))

    def curve(self, tag: str, points: Iterable[tuple[int, float]], description: str) -> None:
        """(step, value) of one tag, with a description that TensorBoard shows in its SCALARS tab."""
        # Of a tag's first event; readers of event files warn of a description without a plugin.
        plugin = SummaryMetadata.PluginData(plugin_name="scalars")
        scalars = {"plugin_data": plugin, "data_class": DATA_CLASS_SCALAR}
        about = {"metadata": SummaryMetadata(summary_description=description, **scalars)}
        for step, value in points:
            self.file.add(Summary(value=[Summary.Value(tag=tag, simple_value=value, **about)]), step)
            about = {}

    def image(self, name: str, image: Any, step: int) -> None:
        """`image`: (C, H, W), tensor or array, floats in 0..1 or uint8."""
        self.file.add(summary.image(name, image, dataformats="CHW"), step)

    def figure(self, name: str, figure: Any, step: int) -> None:
        """A matplotlib Figure, rendered without pyplot's global state."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(figure)
        with names_in_any_script():
            canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        self.file.add(summary.image(name, pixels, dataformats="HWC"), step)

    def histogram(self, name: str, histogram: Histogram, step: int) -> None:
        """Skipped if no value is finite, since TensorBoard could not draw it."""
        if histogram.counts:
            self.file.add(summary.histogram_raw(name, **histogram.raw()), step)

    def text(self, name: str, markdown: str, step: int = 0) -> None:
        self.file.add(summary.text(name, markdown), step)


class Unseen(Dashboard):
    """Takes what is to be drawn at every step, and draws nothing: that of a process that does not write."""

    def __init__(self) -> None: ...

    def cut(self, sizes: Mapping[str, int]) -> None: ...

    def end(self, success: bool) -> None: ...

    def scalars(self, step: int, values: Mapping[str, float]) -> None: ...

    def by_depth(self, name: str, values: Mapping[str, float]) -> None: ...
