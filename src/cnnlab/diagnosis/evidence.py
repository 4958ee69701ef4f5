"""What the rules look at: the logged steps, sorted by statistic and layer, and how the run was set up."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, median

# Batches whose mean says how training stands: one batch of 64 scatters by 6 points of accuracy.
RECENT = 5


@dataclass(frozen=True)
class Context:
    """What a history cannot tell: names as they are typed, `learning_rate` the largest of the schedule,
    `largest_class_share` what always guessing the commonest class would get."""

    classes: int
    largest_class_share: float
    learning_rate: float
    activation: str = "relu"
    initializer: str = "he"
    optimizer: str = "sgd"
    batch_norm: bool = False
    dropout: float = 0.0


@dataclass(frozen=True, eq=False)
class Moment:
    """One logged step. `layers`: {"preactivation/std": {layer: value}}, layers by depth."""

    step: int
    scalars: Mapping[str, float]
    layers: Mapping[str, Mapping[str, float]]

    def of(self, statistic: str) -> Mapping[str, float]:
        return self.layers.get(statistic, {})

    def broken(self, what: str) -> list[str]:
        """Layers whose `what` (preactivation, activation, gradient) held NaN or infinity, by depth."""
        if counted := self.of(f"{what}/nonfinite"):
            return [k for k, n in counted.items() if n > 0]
        # Where every value is finite, a deviation may overflow (from 1e18 on), a mean hardly ever (1e33).
        telling = next(filter(None, (self.of(f"{what}/{s}") for s in ("largest", "mean", "std"))), {})
        return [k for k, value in telling.items() if not math.isfinite(value)]

    @property
    def update_ratio(self) -> float | None:
        """One update's size over the weights', the median over layers."""
        ratios = [r for r in self.of("weight/update_ratio").values() if math.isfinite(r)]
        return median(ratios) if ratios else None

    @property
    def loss(self) -> float | None:
        return self.scalars.get("train/loss")

    @property
    def finite(self) -> bool:
        losses = [self.scalars.get(key, 0.0) for key in ("train/loss", "train/epoch_loss")]
        broken = any(map(self.broken, ("preactivation", "activation", "gradient")))
        return all(map(math.isfinite, losses)) and not broken


@dataclass(frozen=True)
class Evidence:
    """A run as the rules see it. `measured`: the moments that hold statistics of layers."""

    context: Context
    moments: list[Moment]
    measured: list[Moment] = field(default_factory=list)

    @classmethod
    def read(cls, history: Iterable[Mapping[str, float]], context: Context) -> "Evidence":
        moments = [_moment(record) for record in history]
        return cls(context, moments, [m for m in moments if m.of("preactivation/std")])

    @property
    def first(self) -> Moment | None:
        """The first measured moment, even if something is infinite there."""
        return self.measured[0] if self.measured else None

    @property
    def last(self) -> Moment | None:
        """The last measured moment at which everything was finite, or else the first."""
        return next((m for m in reversed(self.measured) if m.finite), self.first)

    def shown(self, wrong: Callable[[Moment], object]) -> Moment | None:
        """The first moment if that is `wrong`; else, if the last one is, the moment since which all are."""
        if self.first is None or self.last is None or wrong(self.first):
            return self.first
        found = None
        for moment in reversed(self.measured[: self.measured.index(self.last) + 1]):
            if not wrong(moment):
                break
            found = moment
        return found

    def recent(self, key: str) -> float:
        """`train/loss` or `train/accuracy`: the last epoch's mean, before its end that of the last logged batches."""
        whole = key.replace("/", "/epoch_")
        epochs = [m.scalars[whole] for m in self.moments if whole in m.scalars]
        batches = [m.scalars[key] for m in self.moments if key in m.scalars]
        return epochs[-1] if epochs else fmean(batches[-RECENT:]) if batches else math.nan

    @property
    def steps(self) -> int:
        return self.moments[-1].step if self.moments else 0

    @property
    def learned(self) -> bool:
        """A quarter of the way from guessing to perfect: no longer a network that does not train."""
        share = self.context.largest_class_share
        return self.recent("train/accuracy") > share + 0.25 * (1 - share)


def _moment(record: Mapping[str, float]) -> Moment:
    scalars: dict[str, float] = {}
    layers: dict[str, dict[str, float]] = {}
    for key, value in record.items():
        what, _, rest = key.partition("/")
        statistic, _, layer = rest.partition("/")
        if layer:
            layers.setdefault(f"{what}/{statistic}", {})[layer] = float(value)
        else:
            scalars[key] = float(value)
    by_depth = {k: dict(sorted(v.items())) for k, v in layers.items()}
    return Moment(int(scalars.get("step", 0)), scalars, by_depth)
