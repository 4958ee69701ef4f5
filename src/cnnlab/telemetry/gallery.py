"""Pictures of a run over time in TensorBoard: kernels, feature maps, histograms, and at the end the mistakes."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from torch import Tensor, nn

from cnnlab.telemetry import histograms
from cnnlab.telemetry.mistakes import confusion_figure, mistaken_figure
from cnnlab.telemetry.pictures import feature_maps, first_kernels, log_schedule, picture
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.tensorboard import Dashboard


class Gallery:
    """Draws at a few steps, evenly on a log scale; `image` (C, H, W), normalized, is the one that is followed."""

    def __init__(self, network: nn.Module, image: Tensor, steps: int, dashboard: Dashboard):
        self.network, self.image, self.dashboard = network, image, dashboard
        self.steps = log_schedule(steps)
        self._probe = Probe(network, histograms.STATISTICS)
        dashboard.image("pictures/input", picture(image), 0)

    def watch(self, step: int, gradient_scale: Tensor | None = None) -> AbstractContextManager[None]:
        """Around the training step, which is where gradients are."""
        return self._probe.watch(gradient_scale) if step in self.steps else nullcontext()

    def draw(self, step: int) -> None:
        """After a watched step; nothing at the others."""
        if step not in self.steps:
            return
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

    def mistakes(self, images: Tensor, logits: Tensor, labels: Tensor, classes: Sequence[str], step: int) -> None:
        """The confusion matrix and the images with the highest loss; `images` uint8 in the order of `logits`."""
        self.dashboard.figure("mistakes/confusion", confusion_figure(logits, labels, classes), step)
        self.dashboard.figure("mistakes/most_mistaken", mistaken_figure(images, logits, labels, classes), step)
