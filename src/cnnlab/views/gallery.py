"""Pictures of a run over time in TensorBoard: kernels, feature maps, histograms, and finally the mistakes."""

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
from cnnlab.theory import Expectation
from cnnlab.views.mistakes import confusion_figure, mistaken_figure
from cnnlab.views.panels import save
from cnnlab.views.theory_figure import theory_figure
from cnnlab.views.tiles import feature_maps, first_kernels, picture


class Gallery:
    """Draws at a few steps, evenly spaced on a log scale; feature maps are of `image` (C, H, W), normalized.

    `images`: histograms use the first `images` of a batch (None: all). `seconds`: time spent drawing so far.
    """

    def __init__(self, network: nn.Module, image: Tensor, steps: int, dashboard: Dashboard, images: int | None = None):
        self.network, self.image, self.dashboard = network, image, dashboard
        self.steps = log_schedule(steps)
        self.seconds = 0.0
        self._probe = Probe(network, histograms.STATISTICS, images)
        dashboard.image("pictures/input", picture(image), 0)

    def watch(self, step: int, gradient_scale: Tensor | None = None) -> AbstractContextManager[Any]:
        """Context around the training step, to collect activations and gradients."""
        return self._probe.watch(gradient_scale) if step in self.steps else nullcontext()

    def draw(self, step: int) -> None:
        """Draw after a watched step; does nothing at other steps."""
        if step in self.steps:
            with self._timed():
                self._draw(step)

    def theory(self, expectation: Expectation, measured: Mapping[str, float], folder: Path) -> None:
        """Theory and `measured` values at step 0, as `theory.png` in `folder` and in TensorBoard."""
        with self._timed():
            drawn = theory_figure(expectation, measured)
            save(drawn, folder / "theory.png")
            self.dashboard.figure("pictures/by_depth", drawn, 0)

    def mistakes(self, images: Tensor, logits: Tensor, labels: Tensor, classes: Sequence[str], step: int) -> None:
        """The confusion matrix and the images with the highest loss; `images`: uint8, in the order of `logits`."""
        with self._timed():
            self.dashboard.figure("mistakes/confusion", confusion_figure(logits, labels, classes), step)
            self.dashboard.figure("mistakes/most_mistaken", mistaken_figure(images, logits, labels, classes), step)

    def _draw(self, step: int) -> None:
        kernels = first_kernels(self.network)
        if kernels is not None:
            self.dashboard.image("pictures/first_kernels", kernels, step)
        for layer, maps in feature_maps(self.network, self.image).items():
            self.dashboard.image(f"pictures/maps/{layer}", maps, step)
        counted = histograms.read(self._probe.values)
        for key, histogram in counted.items():
            what, _, layer = key.split("/")
            self.dashboard.histogram(f"histogram/{what}/{layer}", histogram, step)
        if note := histograms.note(counted):
            self.dashboard.text("histogram/left_out", note, step)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds += perf_counter() - began
