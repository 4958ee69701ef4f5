"""Draws pictures during training."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor

from cnnlab.datasets.base import ImageSet
from cnnlab.training.observers.observer import Observer
from cnnlab.views.gallery import Gallery


class Drawing(Observer):
    """Kernels, feature maps and histograms at the gallery's steps, and the mistakes on the test images of `data`."""

    def __init__(self, gallery: Gallery, data: ImageSet):
        self.gallery, self.data = gallery, data

    def due(self, step: int) -> bool:
        return step in self.gallery.steps

    def watch(self, step: int, gradient_scale: Tensor | None) -> AbstractContextManager[Any]:
        return self.gallery.watch(step, gradient_scale)

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        self.gallery.draw(step)

    def tested(self, step: int, logits: Tensor, labels: Tensor) -> None:
        self.gallery.mistakes(self.data.test.images, logits.cpu(), labels.cpu(), self.data.classes, step)

    def results(self, step: int) -> Mapping[str, Any]:
        return {"time/pictures_s": self.gallery.seconds}
