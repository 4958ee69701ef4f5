"""The training loop: forward, loss, backward, update."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cnnlab.common.rates import note_peaks, rated
from cnnlab.common.steps_alone import check_steps_alone
from cnnlab.training.clock import StepClock
from cnnlab.training.ranks import ALONE, Ranks
from cnnlab.training.tally import Tally, cross_entropy

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
Batch = tuple[Tensor, Tensor]  # x: float32 (N, C, H, W), y: int64 (N,)


class TrainingBatches(Protocol):
    """Batches of an epoch from step `start` on, in an order determined by the epoch (and a seed) alone."""

    def __len__(self) -> int: ...
    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]: ...


@dataclass
class Place:
    """Where a training is: `step` steps are done, `within` of them in epoch `epoch`, and are in its `tally`.
    `healthy`: False after a loss that is not finite, which ends the training. `scored`: the epoch was cut off here, and
    its scores are taken: with more steps it goes on, without it is not scored again."""

    step: int = 0
    epoch: int = 0
    within: int = 0
    tally: Tally = field(default_factory=Tally)
    healthy: bool = True
    scored: bool = False

    def next_step(self) -> None:
        self.step, self.within, self.scored = self.step + 1, self.within + 1, False

    def next_epoch(self) -> None:
        self.epoch, self.within, self.tally, self.scored = self.epoch + 1, 0, Tally(), False


class Observer(Protocol):
    """Observes the training, and must not affect it."""

    def due(self, step: int) -> bool:
        """Whether this step is measured."""
        ...

    def watch(self, step: int, gradient_scale: Tensor | None) -> AbstractContextManager[None]:
        """Context around a measured step; `gradient_scale`: the loss scale in fp16."""
        ...

    def measured(self, step: int, epoch: int, loss: Tensor, logits: Tensor, y: Tensor, lr: float) -> bool:
        """After a measured step; False ends the training, because the loss is not finite."""
        ...

    def epoch_done(self, step: int, epoch: int, train: dict[str, float]) -> bool:
        """After an epoch; `train`: what its `Tally` read. False ends the training."""
        ...

    def resting(self, place: Place) -> None:
        """Between two steps or epochs: what is saved now can be taken up at `place`. Must be cheap."""
        ...


@dataclass
class Trainer:
    """Trains `network`, which must already be on `device`.

    `optimizer`, `scheduler`: None if it is not to take a step. `precision`: fp32, bf16 or fp16 for activations and
    gradients; weights stay fp32. `clip`: maximum 2-norm of the gradient over all weights.
    """

    network: nn.Module
    optimizer: Optimizer | None
    scheduler: LRScheduler | None
    device: torch.device
    precision: str = "fp32"
    clip: float | None = None
    label_smoothing: float = 0.0
    channels_last: bool = False
    compile: bool = False
    ranks: Ranks = ALONE

    def __post_init__(self) -> None:
        for part in (self.optimizer, self.scheduler):
            check_steps_alone(part)
        if self.scheduler is not None:
            note_peaks(self.scheduler)
        # 2^10, not torch's 2^16, which overflows in the first steps, which are then skipped.
        self.scaler = torch.amp.GradScaler(self.device.type, init_scale=1024, enabled=self.precision == "fp16")
        if self.channels_last:
            self.network.to(memory_format=torch.channels_last)
        # Hooks do not fire in a compiled network, so measured steps run the plain one, with the same weights.
        self.plain, self.fast = self.ranks.wrapped(self.network, self.compile)

    def step(
        self,
        x: Tensor,
        y: Tensor,
        network: Callable[[Tensor], Tensor],
        watched: AbstractContextManager[Any] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """One batch; returns its mean loss (0-d) and its logits (N, classes), both on the device."""
        assert self.optimizer is not None and self.scheduler is not None
        self.optimizer.zero_grad(set_to_none=True)
        with watched or nullcontext():
            loss, logits = self.loss(x, y, network)  # forward, loss
            self.scaler.scale(loss).backward()  # backward
            if self.clip is not None:
                self.scaler.unscale_(self.optimizer)
                nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
            self.scaler.step(self.optimizer)  # update
        self.scaler.update()
        self.scheduler.step()
        return loss, logits

    def loss(self, x: Tensor, y: Tensor, network: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Mean loss (0-d) and logits (N, classes) of one batch, in the training precision."""
        with autocast(self.precision, self.device):
            logits = network(self.layout(x))
            return cross_entropy(logits, y, self.label_smoothing), logits

    def fit(self, batches: TrainingBatches, steps: int, observer: Observer, place: Place | None = None) -> StepClock:
        """Train up to `steps` steps over as many epochs as needed, from `place` on; the clock has timed them."""
        clock = StepClock(self.device)
        for _ in self.each_step(batches, steps, observer, clock, place):
            pass
        return clock

    def each_step(
        self,
        batches: TrainingBatches,
        steps: int,
        observer: Observer,
        clock: StepClock,
        place: Place | None = None,
    ) -> Iterator[None]:
        """`fit` as a generator that yields after each step."""
        place = place or Place()
        # An epoch that was begun is scored, even if no step of it is left.
        while (place.healthy and place.step < steps) or (place.within and not place.scored):
            self.network.train()
            clock.start(place.step, observer.due(place.step))
            left = steps - place.step if place.healthy else 0
            for x, y in islice(batches.epoch(place.epoch, place.within), left):
                step = place.step
                if observer.due(step):
                    lr = self._lr()  # of a GPU's tensor it is waited for
                    watched = observer.watch(step, self.gradient_scale())
                    loss, logits = self.step(x, y, self.plain, watched)
                    place.healthy = observer.measured(step, place.epoch, loss, logits, y, lr)
                else:
                    loss, logits = self.step(x, y, self.fast)
                place.tally.add(loss, logits, y)
                place.next_step()
                clock.done()
                observer.resting(place)
                clock.step(observer.due(place.step))
                yield
                if not place.healthy:
                    break
            clock.stop()
            place.healthy = observer.epoch_done(place.step, place.epoch, self._read(place.tally)) and place.healthy
            if place.within < len(batches):
                place.scored = True
            else:
                place.next_epoch()
            observer.resting(place)

    def _read(self, tally: Tally) -> dict[str, float]:
        return tally.read(lambda sums: self.ranks.everyone(sums, "tally"))

    def _lr(self) -> float:
        assert self.optimizer is not None
        return float(rated(self.optimizer)["lr"])  # which may be a tensor

    def gradient_scale(self, step: bool = True) -> Tensor | None:
        """What a layer's gradient in the next step (or in `passes`) is larger by than that of the global batch's mean
        loss: the loss scale, times the number of processes, each with a loss of its own. None: 1."""
        scaled = step and self.scaler.is_enabled()
        if self.ranks.count == 1 and not scaled:
            return None
        own = torch.full((), float(self.ranks.count), device=self.device)
        return self.scaler.scale(own) if scaled else own

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Allows forward and backward in training mode inside; on exit clears gradients and restores batch norm's
        running statistics."""
        self.network.train()
        buffers = [(buffer, buffer.clone()) for buffer in self.network.buffers()]
        yield
        self.network.zero_grad()
        for buffer, before in buffers:
            buffer.copy_(before)

    def passes(
        self, x: Tensor, y: Tensor, watched: AbstractContextManager[None], backward: bool
    ) -> tuple[Tensor, Tensor]:
        """Mean loss (0-d) and logits (N, classes) of a batch, forward and perhaps backward, without an update."""
        with self.unchanged(), watched:
            loss, logits = self.loss(x, y, self.plain)
            if backward:
                loss.backward()
        return loss, logits

    @torch.no_grad()
    def predict(self, batches: Iterable[Batch]) -> Batch:
        """Logits (N, classes) in float32 and labels (N,) of all batches, in evaluation mode."""
        self.network.eval()
        logits, labels = [], []
        for x, y in batches:
            with autocast(self.precision, self.device):
                logits.append(self.network(self.layout(x)).float())
            labels.append(y)
        return (torch.cat(logits), torch.cat(labels)) if labels else (torch.empty(0), torch.empty(0))

    def layout(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last) if self.channels_last else x


def autocast(precision: str, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=DTYPES[precision], enabled=precision != "fp32")
