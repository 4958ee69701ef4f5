"""TensorBoard output: the keys of metrics.jsonl as tags, charts against depth, one row per run in HPARAMS."""

# pyright: reportAttributeAccessIssue=false
# (protobuf creates its classes at import, invisible to type checkers)

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_SCALAR, Summary, SummaryMetadata
from torch.utils.tensorboard import SummaryWriter

from cnnlab.runs.request import Request
from cnnlab.telemetry import by_depth, hparams
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
        self.writer = SummaryWriter(str(folder))

    def begin(self, request: Request, *, layers: bool = True, theory: bool = False) -> None:
        """Write the run's row in HPARAMS and the charts of the CUSTOM SCALARS tab.

        `layers`: whether layers are measured; `theory`: whether predictions are drawn.
        """
        row = hparams.start(hparams.row(request), Path(self.writer.log_dir).name)
        for summary in (hparams.experiment(request.swept), row):
            self.writer._get_file_writer().add_summary(summary)
        self.writer.add_custom_scalars(layout(sweep=bool(request.swept), layers=layers, theory=theory))
        self.writer.flush()

    def sizes(self) -> dict[str, int]:
        """The run's event files, with how many bytes of them are written."""
        self.writer.flush()
        return {path.name: path.stat().st_size for path in self._files()}

    def cut(self, sizes: Mapping[str, int]) -> None:
        """Shorten the event files to what `sizes` found, drop those that came later, and go on in a new one."""
        self.writer.close()
        for path in self._files():
            if path.name in sizes:
                os.truncate(path, sizes[path.name])
            else:
                path.unlink()
        # Files are read in the order of their names, which begin with the second in which they were made.
        seconds = [int(path.name.split(".")[3]) for path in self._files()]
        while seconds and int(time.time()) <= max(seconds):
            time.sleep(0.05)
        self.writer = SummaryWriter(self.writer.log_dir)

    def _files(self) -> list[Path]:
        return sorted(Path(self.writer.log_dir).glob("events.out.tfevents.*"))

    def end(self, success: bool) -> None:
        """Complete the row and close the file."""
        self.writer._get_file_writer().add_summary(hparams.end(success))
        self.writer.close()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """All values of a step in one Summary: seven times as fast as add_scalar, in half the bytes."""
        summary = Summary(value=[Summary.Value(tag=tag(k), simple_value=v) for k, v in values.items()])
        self.writer._get_file_writer().add_summary(summary, step)

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
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value, **about)])
            self.writer._get_file_writer().add_summary(summary, step)
            about = {}

    def image(self, name: str, image: Any, step: int) -> None:
        """`image`: (C, H, W), tensor or array, floats in 0..1 or uint8."""
        self.writer.add_image(name, image, step)

    def figure(self, name: str, figure: Any, step: int) -> None:
        """A matplotlib Figure, rendered without pyplot's global state."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        self.writer.add_image(name, np.asarray(canvas.buffer_rgba())[..., :3], step, dataformats="HWC")

    def histogram(self, name: str, histogram: Histogram, step: int) -> None:
        """Skipped if no value is finite, since TensorBoard could not draw it."""
        if histogram.counts:
            self.writer.add_histogram_raw(name, global_step=step, **histogram.raw())

    def text(self, name: str, markdown: str, step: int = 0) -> None:
        self.writer.add_text(name, markdown, step)


class Unseen(Dashboard):
    """Takes what is to be drawn at every step, and draws nothing: that of a process that does not write."""

    def __init__(self) -> None: ...

    def cut(self, sizes: Mapping[str, int]) -> None: ...

    def end(self, success: bool) -> None: ...

    def scalars(self, step: int, values: Mapping[str, float]) -> None: ...

    def by_depth(self, name: str, values: Mapping[str, float]) -> None: ...
