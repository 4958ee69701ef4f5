"""Base class of a run's observers; every method does nothing, so that subclasses override what they need."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor

from cnnlab.training.trainer import Place


class Observer:
    """Must not affect the run: losses are bit-identical with and without it."""

    def due(self, step: int) -> bool:
        """Whether to measure this step in addition to telemetry's schedule."""
        return False

    def watch(self, step: int, gradient_scale: Tensor | None) -> AbstractContextManager[Any]:
        """Context around a measured step; `gradient_scale`: the loss scale in fp16."""
        return nullcontext()

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        """After a measured step; `values`: what was logged."""

    def epoch_done(self, step: int, epoch: int, scores: Mapping[str, float]) -> None:
        """After an epoch and its validation; `step`: number of steps done."""

    def resting(self, place: Place) -> None:
        """Between two steps or epochs: what is saved now can be taken up at `place`. Must be cheap."""

    def state(self) -> dict[str, Any]:
        """What it noted so far, as plain types and tensors, for `restore`; what a resumed run notes again is left
        out."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """As `state` found it."""

    def tested(self, step: int, logits: Tensor, labels: Tensor) -> None:
        """After training, with logits (N, classes) and labels (N,) of the test images."""

    def results(self, step: int) -> Mapping[str, Any]:
        """Entries for results.json, collected last; `step`: number of steps done."""
        return {}
