"""Probe: measures every layer of any `nn.Module` during chosen training steps.

probe = cnnlab.Probe(network)
with probe.watch():
    loss = criterion(network(x), y); loss.backward(); optimizer.step()
print(probe.read())
print(probe.diagnose())
"""

import warnings
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, SupportsFloat

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer

from cnnlab.common.checks import check_value, optional, whole
from cnnlab.common.errors import InputError
from cnnlab.diagnosis import Diagnosis
from cnnlab.diagnosis.logged_step import AGAIN
from cnnlab.networks.layers import weight_layers
from cnnlab.networks.modules.table import activation_layer
from cnnlab.telemetry.derived import Block, Group, Step, blocks, no_number, together
from cnnlab.telemetry.foreign_weights import ForeignWeights
from cnnlab.telemetry.inspection import context_of, has_modes, kernels_of, narrowest
from cnnlab.telemetry.statistics import STATISTICS, Statistics
from cnnlab.telemetry.stepping import (
    Stepped,
    Stepping,
    Steps,
    accumulates,
    counted,
    gradients_given,
    loss_share,
    scale_of,
)
from cnnlab.telemetry.watched import Known, Rows, Watched, calling, first_rows

KEPT = 64  # watched steps whose numbers wait at most
ACCURACIES = ("train/accuracy", "validation/accuracy")  # of those that may be added: what the diagnosis judges by
ROUNDING = 1e-5


class Probe:
    """Statistics per layer under the keys `<what>/<statistic>/<layer>`, `layer` as in `weight_layers`.

    `statistics`: {what: {statistic: function}}, as in `configs/telemetry`. `images`: use the first `images` images of
    a batch (None: all). "preactivation" is the input of the layer's activation, or the layer's output if no
    activation can be attributed to it; "gradient" is that of the loss with respect to it. Further calls of a layer
    in one step have the keys `<layer>.call2`, `<layer>.call3`. Training is bit-identical with and without a probe:
    hooks only read, and no random number is drawn. `rows`: where several processes have parts of a batch, returns the
    first rows of the whole. `own_loop`: False where settings tell what the optimizer does, so that `diagnose` will not
    be called.
    """

    def __init__(
        self,
        network: nn.Module,
        statistics: Statistics = STATISTICS,
        images: int | None = None,
        rows: Rows = first_rows,
        own_loop: bool = True,
    ):
        check_value("images", images, optional(whole(1)))
        if unknown := [what for what in statistics if what not in STATISTICS]:
            raise InputError(
                f"statistics: {unknown[0]} is nothing that is measured.\nThere are: {', '.join(STATISTICS)}."
            )
        self.network, self.statistics, self.images, self.rows = network, statistics, images, rows
        self.own_loop = own_loop
        self.layers = weight_layers(network)
        self._calling = calling(network, self.layers)
        self.unmeasured: dict[str, str] = {}  # of the last watched step: layer -> why not, or not fully
        self._groups = {what: Group(group) for what, group in statistics.items() if group}
        self._steps: list[Step] = []  # the last that were watched, still to be computed
        self._history: list[Block] = []  # of those before
        self._stepped: list[Stepped] = []  # of all of these
        self._activations: set[str] = set()  # in all watched steps, modules' and functions
        self._types: set[torch.dtype] = set()  # of all layers' outputs
        self._with_graph: set[str] = set()  # layers that ran in one where gradients are wanted
        self._batch = 0  # the most images in a watched step
        self._known = Known()
        self._untold: Tensor | None = None  # the last step's share of the gradient, where no loss scale was told
        self._at_first: tuple[Tensor, Tensor] | None = None  # the smallest weights, and as they were
        self._optimized = Steps(network) if own_loop else None
        self._foreign = ForeignWeights(network) if own_loop else None

    @contextmanager
    def watch(
        self, gradient_scale: Tensor | torch.amp.GradScaler | None = None
    ) -> Iterator[MutableMapping[str, Tensor | float]]:
        """Measure the one training step inside. `gradient_scale`: a GradScaler, if any, or its loss scale.

        Yields a mapping to which more numbers may be added, e.g. `seen["train/loss"] = loss`. Raises InputError where
        one is none, or an accuracy no share of 1.
        """
        if isinstance(gradient_scale, torch.amp.GradScaler):
            gradient_scale = gradient_scale.scale(torch.ones((), device=next(self.network.parameters()).device))
        if len(self._steps) >= KEPT:
            self._compute()
        more: dict[str, Tensor | float] = {}
        before = self._optimized.done if self._optimized else 0
        if not self._groups:
            yield more
            self._steps.append(Step(more=_numbers(more)))
            self._stepped.append(Stepped(before=before))
            return
        watched = Watched(
            *(self.network, self.layers, self._calling, self._groups, self.images, self._known),
            gradient_scale,
            self.rows,
            self._foreign,
        )
        kernels = [kernel for layer in self.layers.values() for kernel in kernels_of(layer)] if self.own_loop else []
        stepping = Stepping(self.network, kernels, before)
        if self._at_first is None and (smallest := stepping.smallest) is not None:
            self._at_first = smallest, smallest.detach().clone()
        with stepping, watched.running(), self._foreign.watched() if self._foreign else nullcontext():
            yield more
        watched.measure_weights()
        self.unmeasured = watched.unmeasured()
        self._activations |= watched.activations
        self._types |= watched.types
        self._with_graph |= watched.with_graph
        self._batch = max(self._batch, _images(watched.batches))
        watched.step.more |= _numbers(more)
        self._steps.append(watched.step)
        stepping.seen.cross_entropy = watched.cross_entropy if self.own_loop else None
        self._stepped.append(stepping.seen)
        self._untold = None if gradient_scale is not None else stepping.seen.share

    def add(self, more: Mapping[str, Tensor | float]) -> None:
        """More numbers, to the last watched step."""
        self._steps[-1].more |= _numbers(more)

    @property
    def values(self) -> dict[str, Tensor]:
        """Of the last watched step, still on the device."""
        self._compute()
        if not self._history:
            return {}
        keys, values = self._history[-1]
        return dict(zip(keys, values[-1], strict=True))

    def read(self, extra: Mapping[str, Tensor] | None = None) -> dict[str, float]:
        """The last watched step's statistics and the 0-d tensors of `extra`, in one transfer from the device."""
        values = {**(extra or {}), **self.values}
        if not values:
            return {}
        for key, value in values.items():
            if value.dim():
                raise no_number(key, value)
        share = [] if self._untold is None else [self._untold]
        with torch.inference_mode():
            numbers = torch.stack(together([*values.values(), *share])).tolist()
        if share and (scale := scale_of(numbers.pop())) is not None:
            warned = f"The loss was scaled by {scale:,.0f}, and so are the gradients that were measured."
            warnings.warn(f"{warned} Write probe.watch(scaler).", stacklevel=2)
        return dict(zip(values, numbers, strict=True))

    def take(self) -> list[dict[str, float]]:
        """The values of all watched steps, oldest first, which the probe forgets."""
        rows = self._rows()
        self._history, self._stepped = [], []
        return rows

    def diagnose(self, optimizer: Optimizer | None = None, classes: int | None = None) -> Diagnosis:
        """What is wrong in the watched steps, most urgent first, with fixes as torch code.

        What the network and `optimizer` do not show (the initializer, the data) is not guessed. To also judge whether
        anything is learned, pass `classes` and set `seen["train/loss"]` and `seen["train/accuracy"]` in each step.
        """
        self.read()  # which warns
        modes = has_modes(self.network)
        steps, rows = counted(self._stepped), self._rows()
        for row in rows:
            for key in ACCURACIES:
                _check_share(key, row.get(key, 0.0))
        rows = [
            {"step": step}
            | ({} if stepped.rate is None else {"optimizer/lr": stepped.rate})
            | ({"network/in_evaluation": 1.0} if stepped.evaluating and modes else {})
            | row
            for step, stepped, row in zip(steps, self._stepped, rows, strict=True)
        ]
        if rows:
            rows[-1] |= loss_share(self._stepped, rows) | gradients_given(self._stepped) | self._unchanged()
            if self._foreign is not None and self._foreign.always_new:
                rows[-1]["check/layers_anew"] = 1.0
        functions = [activation_layer(name) for name in sorted(self._activations)]
        context = context_of(
            self.network, optimizer, classes, functions, self._optimized.held if self._optimized else ()
        )
        context = replace(
            context,
            computed=narrowest(self._types),
            teachers=tuple(layer for layer in context.frozen if layer not in self._with_graph),
            batch_size=None if accumulates(self._stepped) else self._batch or None,
        )
        if context.learning_rate is not None:  # a schedule by hand leaves no peak in the optimizer
            peak = max([context.learning_rate, *(row["optimizer/lr"] for row in rows if "optimizer/lr" in row)])
            context = replace(context, learning_rate=peak)
        return Diagnosis.of(rows, context)

    def _unchanged(self) -> dict[str, float]:
        """`check/unchanged`: 1 if the weights are those of the first watched step."""
        if self._at_first is None:
            return {}
        weight, before = self._at_first
        now = weight.detach().to(before)  # the network may have been moved
        same = now.shape == before.shape and torch.equal(now, before)
        return {"check/unchanged": float(same)}

    def _rows(self) -> list[dict[str, float]]:
        self._compute()
        return [dict(zip(keys, row, strict=True)) for keys, values in self._history for row in values.tolist()]

    @torch.inference_mode()
    def _compute(self) -> None:
        self._history += blocks(self._groups, self._steps)
        self._steps = []


def _images(batches: Mapping[str, int]) -> int:
    """In a step, by the calls of the layer that ran first, in all processes; `batches`: by call."""
    first = next(iter(batches), "")
    here = sum(images for call, images in batches.items() if AGAIN.sub("", call) == first)
    several = dist.is_available() and dist.is_initialized()
    return here * dist.get_world_size() if several else here


def _numbers(more: Mapping[str, Tensor | float]) -> dict[str, Tensor]:
    """Without their graphs, which waiting numbers would keep."""
    return {key: _number(key, value) for key, value in more.items()}


def _number(key: str, value: Any) -> Tensor:
    if isinstance(value, Tensor) and value.numel() == 1:
        if value.is_cpu:  # for another device it is waited for in `diagnose`
            _check_share(key, value.item())
        return value.detach().reshape(())
    if not isinstance(value, Tensor) and isinstance(value, SupportsFloat):
        _check_share(key, float(value))
        return torch.tensor(float(value))
    what = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"of type {type(value).__name__}"
    raise InputError(f"{key} is {what}, and one number a step is kept.\nGive one, as loss.mean().")


def _check_share(key: str, value: float) -> None:
    if key in ACCURACIES and (value < 0 or value > 1 + ROUNDING):
        raise InputError(
            f"{key} is {value:g}, and a share of 1 is expected.\n"
            "Give (output.argmax(1) == y).float().mean(); divide percent by 100."
        )
