"""The logged steps of a run by statistic and layer, its updates and its learning rate."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

from cnnlab.diagnosis.context import Context
from cnnlab.diagnosis.logged_step import Record

# Batches to average: the accuracy of a single batch of 64 has a standard deviation of 6 points.
RECENT, RECENT_IMAGES = 5, 100  # at least
# Slow starts stay at ln(classes) for tens of steps.
PATIENCE = 100
RATE_STOPPED = 1e-3  # of the most that was reached; one_cycle and cosine come to less in the last steps alone
_TRAINED = {"train/loss", "train/epoch_loss"}


@dataclass(frozen=True)
class RunHistory:
    """`records`: what was logged, oldest first. `measured`: the records with layer statistics."""

    context: Context
    records: list[Record]
    measured: list[Record] = field(default_factory=list)

    @property
    def first(self) -> Record | None:
        """The first measured record, finite or not."""
        return self.measured[0] if self.measured else None

    @property
    def last(self) -> Record | None:
        """The last measured record with only finite values, or else the first record."""
        return next((m for m in reversed(self.measured) if m.finite), self.first)

    def shown(self, wrong: Callable[[Record], object]) -> Record | None:
        """The first record if `wrong`; else the start of the `wrong` stretch that ends with `last`, if any."""
        if self.first is None or self.last is None or wrong(self.first):
            return self.first
        found = None
        for record in reversed(self.measured[: self.measured.index(self.last) + 1]):
            if not wrong(record):
                break
            found = record
        return found

    def recent(self, key: str) -> float:
        """`train/loss` or `train/accuracy`: mean of the last complete epoch, or else of the last logged batches."""
        whole = key.replace("/", "/epoch_")
        epochs = [m.scalars[whole] for m in self.records if whole in m.scalars]
        if epochs:
            return epochs[-1]
        batches = self.values(key)[-self._recent_batches :]
        return fmean(batches) if batches else math.nan

    @property
    def _recent_batches(self) -> int:
        return max(RECENT, math.ceil(RECENT_IMAGES / (self.context.batch_size or RECENT_IMAGES)))

    @property
    def steps(self) -> int:
        """Steps done: an epoch is logged after its last step, a measured step before its update."""
        if self.context.planned_steps == 0:  # one batch is measured all the same
            return 0
        done = [m.step + ("train/loss" in m.scalars) for m in self.records if m.scalars.keys() & _TRAINED]
        return max(done, default=0)

    @property
    def over(self) -> bool:
        """Whether it is known to have come to its end, however early that was planned."""
        return self.context.planned_steps is not None and self.steps >= self.context.planned_steps

    def values(self, key: str) -> list[float]:
        return [m.scalars[key] for m in self.records if key in m.scalars]

    def latest(self, key: str) -> float:
        """NaN if it was never logged."""
        return next(reversed(self.values(key)), math.nan)

    @property
    def first_loss(self) -> float:
        return next(iter(self.values("train/loss")), math.nan)

    @cached_property
    def ratios(self) -> list[tuple[Record, float]]:
        """The measured steps with the size of their update. It says nothing of weights that began at zero: their first
        updates are all there is of them."""
        return self._ratios(without=())

    @cached_property
    def meant_ratios(self) -> list[tuple[Record, float]]:
        """The same, without layers that are frozen, that no optimizer moves, or that have a lower learning rate than
        others."""
        still = [k for k in self.context.left_out if k not in self.moved]
        return self._ratios(without=(*self.context.frozen, *self.context.at_lower_rates, *still))

    def _ratios(self, without: Sequence[str]) -> list[tuple[Record, float]]:
        if self.updated_elsewhere:
            return []
        zeros = self.first.begun_at_zero if self.first else ()
        return [(m, r) for m in self.measured if (r := m.update_ratio(without=(*without, *zeros))) is not None]

    @cached_property
    def moved(self) -> set[str]:
        """The layers whose weights changed in a measured step."""
        return {k for m in self.measured for k, ratio in m.of("weight/update_ratio").items() if ratio > 0}

    @cached_property
    def updated_elsewhere(self) -> bool:
        """Whether, in a loop of one's own, the weights change between watched steps and never in one."""
        return self.context.settings is None and not self.moved and not self.still

    @property
    def still(self) -> bool:
        """Whether all weights have the same deviation at every measured step."""
        sizes = [m.of("weight/std") for m in self.measured if m.finite and m.of("weight/std")]
        return all(size == sizes[0] for size in sizes)

    @property
    def peak_rate(self) -> float | None:
        """The schedule's peak; the most that was reached, where the rate rose and fell again far below: a schedule may
        multiply a rate that it never comes near."""
        lr, known = self.context.learning_rate, self.values("optimizer/lr")
        top = max(known, default=math.inf)
        return top if lr and known and known[0] < top > known[-1] and top < lr / 2 else lr

    @property
    def rate_shares(self) -> list[tuple[int, float]]:
        """Measured steps, and the learning rate there as a share of the schedule's peak."""
        lr = self.context.learning_rate
        known = [(m.step, m.scalars["optimizer/lr"]) for m in self.records if "optimizer/lr" in m.scalars]
        return [(step, now / lr) for step, now in known] if lr else []

    @property
    def stopped_from(self) -> int | None:
        """The logged step from which on the learning rate was next to nothing, for more than half of a run that is
        over; None if it was not, or had not been more before."""
        first, shares = self.steps, self.rate_shares
        least = RATE_STOPPED * max((share for _, share in shares), default=0.0)  # it need not reach its peak
        for step, share in reversed(shares):
            if share >= least > 0:
                return first if self.over and self.steps - first > self.steps / 2 else None
            first = step
        return None
