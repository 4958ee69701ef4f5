"""In a process that draws nothing: takes part in the measurements for the pictures of the one that does."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor, nn

from cnnlab.telemetry import histograms
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.schedule import log_schedule
from cnnlab.training.observers.observer import Observer
from cnnlab.training.ranks import Ranks


class Beside(Observer):
    """Sends its rows of what `Gallery` counts, at the same steps."""

    def __init__(self, network: nn.Module, steps: int, images: int | None, ranks: Ranks):
        self._steps = log_schedule(steps)
        self._probe = Probe(network, histograms.STATISTICS, images, ranks.rows, own_loop=False)

    def due(self, step: int) -> bool:
        return step in self._steps

    def watch(self, step: int, gradient_scale: Tensor | None) -> AbstractContextManager[Any]:
        return self._probe.watch(gradient_scale) if self.due(step) else nullcontext()
