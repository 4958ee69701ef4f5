"""Draws pictures during training. A picture that cannot be drawn, as where a class is called `$\\frac$`, is left out
with a warning: it is not worth a run."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from cnnlab.datasets.base import ImageSet
from cnnlab.telemetry.recorder import Recorder
from cnnlab.training.observers.observer import Observer
from cnnlab.views.gallery import Gallery

log = logging.getLogger("cnnlab")


class Drawing(Observer):
    """Kernels, feature maps and histograms at the gallery's steps; the mistakes on the test images of `data`; and heat
    maps of what `recorder` recorded, also in `folder`."""

    def __init__(self, gallery: Gallery, data: ImageSet, recorder: Recorder, folder: Path):
        self.gallery, self.data, self.recorder, self.folder = gallery, data, recorder, folder

    def due(self, step: int) -> bool:
        return step in self.gallery.steps

    def watch(self, step: int, gradient_scale: Tensor | None) -> AbstractContextManager[Any]:
        return self.gallery.watch(step, gradient_scale)

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        with left_out(f"pictures of step {step}"):
            self.gallery.draw(step)

    def tested(self, step: int, logits: Tensor, labels: Tensor) -> None:
        with left_out("the mistakes"):
            self.gallery.mistakes(self.data.test.images, logits.cpu(), labels.cpu(), self.data.classes, step)

    def results(self, step: int) -> Mapping[str, Any]:
        with left_out("the heat maps"):
            self.gallery.layers(self.recorder.history, self.folder, step)
        return {"time/pictures_s": self.gallery.seconds}


@contextmanager
def left_out(what: str) -> Iterator[None]:
    """An exception inside becomes a warning in train.log."""
    try:
        yield
    except Exception as error:
        first = next(iter(str(error).splitlines()), "")
        log.warning("%s could not be drawn: %s: %s", what, type(error).__name__, first)
