"""Copies of a network and its optimizer as before the first step, for trials that the run must not notice.

What cannot be copied raises NotApplicable, never what it raised itself.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from cnnlab.common.errors import NotApplicable
from cnnlab.common.random import undisturbed
from cnnlab.common.rates import peak, rated
from cnnlab.networks.init import initialize, lsuv
from cnnlab.training.schedules import constant
from cnnlab.training.trainer import Trainer

# Of AdamW, one after the other until one does. At its own default shallow networks learn a batch of 64 digits in 16
# steps; `plain`, 22 layers deep, in 39 to 360, and at 2e-4 in 49 to 136, as the least of three rates on two seeds.
REFERENCE_RATES = (1e-3, 2e-4)
DROPS = ("_DropoutNd", "StochasticDepth", "DropPath")  # the last two of torchvision and timm


@dataclass(frozen=True)
class Start:
    """A network and its optimizer as before the first step of `run`. `weights`, and `buffers` that no checkpoint
    holds: on the CPU. `state`: of the optimizer, which some have before their first step."""

    run: Trainer
    weights: Mapping[str, Any]
    buffers: Mapping[str, Tensor]
    state: Mapping[str, Any]

    @classmethod
    def of(cls, trainer: Trainer) -> "Start":
        """Called before the first step; the trainer may then be used. Raises NotApplicable."""
        network, optimizer = trainer.network, trainer.optimizer
        with or_not_applicable("its state cannot be copied"):
            weights = network.state_dict()
            hidden = {name: buffer for name, buffer in network.named_buffers() if name not in weights}
            state = deepcopy(optimizer.state_dict()) if optimizer else {}
            return cls(trainer, _on_cpu(weights), _on_cpu(hidden), state)

    @property
    def rate(self) -> float | None:
        """At the schedule's peak; None without an optimizer."""
        return peak(rated(self.run.optimizer)) if self.run.optimizer else None

    def trainer(
        self, reference: bool = False, rate: float | None = None, anew: Tensor | None = None, **changes: Any
    ) -> Trainer:
        """A copy of network and optimizer from the start, at the peak of the run's schedule throughout, or at `rate`
        in its place. `changes`: of precision, clip, label_smoothing, channels_last.

        `reference`: with AdamW instead, without decay, clipping, label smoothing, dropout and half precision: what the
        network can learn if nothing else is in the way. `anew`: images (N, C, H, W) on which weights that are drawn
        anew are brought to unit variance. Raises NotApplicable.
        """
        settings = {name: getattr(self.run, name) for name in ("precision", "clip", "label_smoothing", "channels_last")}
        with or_not_applicable("it cannot be copied"):
            network, optimizer = self._copies(reference)
            if reference:
                settings |= {"precision": "fp32", "clip": None, "label_smoothing": 0.0}
                _without_dropout(network)
            if anew is not None:
                _draw_anew(network, anew)  # by the outputs in training, in which dropout shows
            if rate is not None:
                _scale_rates(optimizer, rate)
            return Trainer(network, optimizer, constant(optimizer, 0), self.run.device, **{**settings, **changes})

    def _copies(self, reference: bool) -> tuple[nn.Module, Optimizer]:
        memo: dict[int, Any] = {}
        network = deepcopy(self.run.network, memo)
        network.load_state_dict(self.weights)
        named = dict(network.named_buffers())
        for name, buffer in self.buffers.items():
            named[name].copy_(buffer)
        if reference:
            weights = [p for p in network.parameters() if p.requires_grad]
            return network, AdamW(weights, lr=REFERENCE_RATES[0], weight_decay=0.0)
        if self.run.optimizer is None:
            raise NotApplicable("the run takes no step, so it has no optimizer")
        optimizer = _copied(self.run.optimizer, memo)
        optimizer.load_state_dict(deepcopy(dict(self.state)))
        for group in optimizer.param_groups:
            _set_rate(group, peak(group))
        return network, optimizer


@contextmanager
def or_not_applicable(why: str) -> Iterator[None]:
    """Networks and optimizers that were written elsewhere can raise anything, and no trial is worth a run."""
    try:
        yield
    except NotApplicable:
        raise
    except Exception as error:
        first = next(iter(str(error).splitlines()), "")
        raise NotApplicable(f"{why} ({type(error).__name__}: {first})") from error


def _copied(optimizer: Optimizer, memo: dict[int, Any]) -> Optimizer:
    """With the parameters that `memo` has copies of, and without state, which may be twice as large as the network.

    torch copies three attributes of an optimizer; those of a subclass are copied here, but not the methods that a
    scheduler has wrapped.
    """
    memo[id(optimizer.state)] = defaultdict(dict)
    copy = deepcopy(optimizer, memo)
    own = {name: value for name, value in vars(optimizer).items() if name not in vars(copy) and name != "step"}
    vars(copy).update({name: deepcopy(value, memo) for name, value in own.items()})
    return copy


def _scale_rates(optimizer: Optimizer, rate: float) -> None:
    """Set its own to `rate`, and those of other groups in proportion, as in muP."""
    own = peak(rated(optimizer))
    if not own > 0:
        raise NotApplicable("its learning rate is 0")
    for group in optimizer.param_groups:
        _set_rate(group, rate * peak(group) / own)


def _set_rate(group: dict[str, Any], rate: float) -> None:
    """As before any scheduler, for one that starts from there."""
    group["lr"] = torch.full_like(group["lr"], rate) if isinstance(group["lr"], Tensor) else rate
    group["initial_lr"] = rate
    group.pop("max_lr", None)


def _draw_anew(network: nn.Module, images: Tensor) -> None:
    """All that modules draw or set when they are made, norm layers too, then LSUV, which suits every activation. What
    is frozen stays."""
    place = next(network.parameters()).device
    with undisturbed(0, place):
        for module in network.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset) and all(parameter.requires_grad for parameter in module.parameters()):
                reset()
    initialize(network, nn.init.orthogonal_, after=lsuv, batch=images)


def _without_dropout(network: nn.Module) -> None:
    for module in network.modules():
        if any(kind.__name__ in DROPS for kind in type(module).__mro__):
            for probability in ("p", "drop_prob"):
                if hasattr(module, probability):
                    setattr(module, probability, 0.0)


def _on_cpu(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Copies; a module's extra state may be anything."""
    return {
        name: value.detach().to("cpu", copy=True) if isinstance(value, Tensor) else deepcopy(value)
        for name, value in tensors.items()
    }
