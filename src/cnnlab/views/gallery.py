"""Pictures of a run in TensorBoard: kernels, feature maps and histograms over time; finally the mistakes, and heat maps
of the layers. Figures import matplotlib's axes, 0.2 s, when they are drawn: the first step does not wait for them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

from torch import Tensor, nn

from cnnlab.telemetry import histograms
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.schedule import log_schedule
from cnnlab.telemetry.tensorboard import Dashboard
from cnnlab.telemetry.watched import Rows, first_rows
from cnnlab.theory import Expectation
from cnnlab.views.tiles import Sheet, feature_maps, first_kernels, picture

INPUT = "A validation image, as the network gets it"


class Gallery:
    """Draws at a few steps, evenly spaced on a log scale; feature maps are of `image` (C, H, W), normalized.

    `images`: histograms use the first `images` of a batch (None: all). `rows`: as of a
    Probe. `seconds`: time spent drawing so far.
    """

    def __init__(
        self,
        network: nn.Module,
        image: Tensor,
        steps: int,
        dashboard: Dashboard,
        images: int | None = None,
        rows: Rows = first_rows,
    ):
        self.network, self.image, self.dashboard = network, image, dashboard
        self.steps = log_schedule(steps)
        self.seconds = 0.0
        self._probe = Probe(network, histograms.STATISTICS, images, rows, own_loop=False)
        self._sheet("pictures/input", Sheet(picture(image), "black is its lowest, white its highest value"), 0, INPUT)

    def watch(self, step: int, gradient_scale: Tensor | None = None) -> AbstractContextManager[Any]:
        """Context around the training step, to collect activations and gradients."""
        return self._probe.watch(gradient_scale) if step in self.steps else nullcontext()

    def draw(self, step: int) -> None:
        """Draw after a watched step; does nothing at other steps."""
        if step in self.steps:
            with self._timed():
                self._draw(step)

    def theory(
        self, expectation: Expectation, measured: Mapping[str, float], folder: Path, **known: str | None
    ) -> None:
        """Theory and `measured` values at step 0, as `theory.png` in `folder` and in TensorBoard. `known`: of the
        network, as `describe` takes it."""
        with self._timed():
            from cnnlab.views.panels import save
            from cnnlab.views.theory_figure import describe, theory_figure

            network = describe(expectation, **known)
            save(theory_figure(expectation, measured, network), folder / "theory.png")
            narrow = theory_figure(expectation, measured, network, narrow=True)
            self.dashboard.figure("pictures/by_depth", narrow, 0)

    def mistakes(self, images: Tensor, logits: Tensor, labels: Tensor, classes: Sequence[str], step: int) -> None:
        """The confusion matrix and the images with the highest loss; `images`: uint8, in the order of `logits`."""
        with self._timed():
            from cnnlab.views.mistakes import confusion_figure, mistaken_figure

            self.dashboard.figure("mistakes/confusion", confusion_figure(logits, labels, classes), step)
            self.dashboard.figure("mistakes/most_mistaken", mistaken_figure(images, logits, labels, classes), step)

    def layers(self, history: Sequence[Mapping[str, float]], folder: Path, step: int) -> None:
        """A heat map of each main statistic of the layers, as `layers_activation_std.png` in `folder` and in
        TensorBoard. `history`: logged rows."""
        with self._timed():
            from cnnlab.views.heat_map import heat_maps
            from cnnlab.views.panels import DPI, save

            for name, drawn in heat_maps(history):
                save(drawn, folder / f"layers_{name}.png", 2 * DPI)
                self.dashboard.figure(f"pictures/all_layers/{name}", drawn, step)

    def _draw(self, step: int) -> None:
        kernels = first_kernels(self.network)
        if kernels is not None:
            self._sheet("pictures/first_kernels", kernels, step, f"Kernels of the first convolution, step {step}")
        for layer, maps in feature_maps(self.network, self.image).items():
            self._sheet(f"pictures/maps/{layer}", maps, step, f"Maps behind {layer}, of pictures/input, step {step}")
        counted = histograms.read(self._probe.values)
        for key, histogram in counted.items():
            what, _, layer = key.split("/")
            self.dashboard.histogram(f"histogram/{what}/{layer}", histogram, step)
        if note := histograms.note(counted):
            self.dashboard.text("histogram/left_out", note, step)

    def _sheet(self, tag: str, sheet: Sheet, step: int, title: str) -> None:
        self.dashboard.image(tag, sheet.titled(title), step)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds += perf_counter() - began
