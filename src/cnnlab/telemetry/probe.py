"""Probe: measures every layer of any `nn.Module` during chosen training steps.

probe = cnnlab.Probe(network)
with probe.watch():
    loss = criterion(network(x), y); loss.backward(); optimizer.step()
print(probe.read())
print(probe.diagnose())
"""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from cnnlab.diagnosis import Diagnosis
from cnnlab.networks.layers import weight_layers
from cnnlab.networks.modules.table import activation_layer
from cnnlab.telemetry.derived import Reduced, together
from cnnlab.telemetry.inspection import context_of
from cnnlab.telemetry.statistics import STATISTICS, Statistics
from cnnlab.telemetry.watched import Bounds, Rows, Watched, first_rows

Values = tuple[tuple[str, ...], Tensor]


class Probe:
    """Statistics per layer under the keys `<what>/<statistic>/<layer>`, `layer` as in `weight_layers`.

    `statistics`: {what: {statistic: function}}, as in `configs/telemetry`. `images`: use the first `images` images of
    a batch (None: all). "preactivation" is the input of the layer's activation, or the layer's output if no
    activation can be attributed to it; "gradient" is that of the loss with respect to it. Further calls of a layer
    in one step have the keys `<layer>.call2`, `<layer>.call3`. Training is bit-identical with and without a probe:
    hooks only read, and no random number is drawn. `rows`: where several processes have parts of a batch, returns the
    first rows of the whole.
    """

    def __init__(
        self,
        network: nn.Module,
        statistics: Statistics = STATISTICS,
        images: int | None = None,
        rows: Rows = first_rows,
    ):
        self.network, self.statistics, self.images, self.rows = network, statistics, images, rows
        self.layers = weight_layers(network)
        self.unmeasured: dict[str, str] = {}  # of the last watched step: layer -> why not, or not fully
        # Of the last watched step, and of all: keys, and their values in one tensor, still on the device.
        self._last: Values | None = None
        self._history: list[Values] = []
        self._activations: set[str] = set()  # in all watched steps, modules' and functions
        self._bounds: Bounds = {}

    @contextmanager
    def watch(self, gradient_scale: Tensor | None = None) -> Iterator[MutableMapping[str, Tensor]]:
        """Measure the one training step inside. `gradient_scale`: a GradScaler's loss scale, if any.

        Yields a mapping to which more 0-d tensors may be added, e.g. `seen["train/loss"] = loss`.
        """
        self._last = None
        if not any(self.statistics.values()):
            yield {}
            return
        watched = Watched(
            self.network, self.layers, self.statistics, self.images, self._bounds, gradient_scale, self.rows
        )
        more: dict[str, Tensor] = {}
        with watched.running():
            yield more
        watched.measure_weights()
        self.unmeasured = watched.unmeasured()
        self._activations |= watched.activations
        self._remember(watched.found | more)

    @property
    def values(self) -> dict[str, Tensor]:
        """Of the last watched step, still on the device."""
        return {} if self._last is None else dict(zip(*self._last, strict=True))

    def read(self, extra: Mapping[str, Tensor] | None = None) -> dict[str, float]:
        """The last watched step's statistics and the 0-d tensors of `extra`, in one transfer from the device."""
        keys, known = ((), []) if self._last is None else (self._last[0], [self._last[1]])
        with torch.inference_mode():
            parts = [torch.stack([*extra.values()]), *known] if extra else known
            values = torch.cat(parts).tolist() if parts else []
        return dict(zip([*(extra or {}), *keys], values, strict=True))

    def diagnose(self, optimizer: Optimizer | None = None, classes: int | None = None) -> Diagnosis:
        """What is wrong in the watched steps, most urgent first, with fixes as torch code.

        What the network and `optimizer` do not show (the initializer, the data) is not guessed. To also judge whether
        anything is learned, pass `classes` and set `seen["train/loss"]` and `seen["train/accuracy"]` in each step.
        """
        rows = [
            {"step": step, **dict(zip(keys, values.tolist(), strict=True))}
            for step, (keys, values) in enumerate(self._history)
        ]
        functions = [activation_layer(name) for name in sorted(self._activations)]
        return Diagnosis.of(rows, context_of(self.network, optimizer, classes, functions))

    @torch.inference_mode()
    def _remember(self, found: Mapping[str, Tensor | Reduced]) -> None:
        """Append the watched step; steps with the same keys share the tuple."""
        if not found:
            return
        keys, values = together(found)
        if self._history and self._history[-1][0] == keys:
            keys = self._history[-1][0]
        self._last = keys, values
        self._history.append(self._last)
