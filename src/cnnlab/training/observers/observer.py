"""Whoever looks at a run. Each call does nothing here, so an observer defines what it wants to see."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor


class Observer:
    """Must not change the run: losses are bit-equal with and without it."""

    def due(self, step: int) -> bool:
        """Whether it wants this step measured, besides those of the telemetry's schedule."""
        return False

    def watch(self, step: int, gradient_scale: Tensor | None) -> AbstractContextManager[Any]:
        """Around a measured step; `gradient_scale`: by what its loss is multiplied, in fp16."""
        return nullcontext()

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        """After a measured step, with what was logged of it."""

    def epoch_done(self, step: int, epoch: int, scores: Mapping[str, float]) -> None:
        """After an epoch and its validation; `step`: as many as were made."""

    def tested(self, step: int, logits: Tensor, labels: Tensor) -> None:
        """After the run, with the network's logits (N, classes) for the test images and their labels (N,)."""

    def results(self, step: int) -> Mapping[str, Any]:
        """For results.json, after everything else; `step`: as many as were made."""
        return {}
