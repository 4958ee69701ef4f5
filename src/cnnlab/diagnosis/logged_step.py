"""One logged step, sorted by statistic and layer."""

import math
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from statistics import median

LOSSES = ("train/loss", "train/epoch_loss", "validation/loss", "test/loss")
AGAIN = re.compile(r"\.call\d+(@|$)")  # in a key: of a layer's second or later call


@dataclass(frozen=True, eq=False)
class Record:
    """One logged step. `layers`: {"preactivation/std": {layer: value}}, layers by depth. `again`: the same of later
    calls, where all layers have some: the network ran several times, which is no depth."""

    step: int
    scalars: Mapping[str, float]
    layers: Mapping[str, Mapping[str, float]]
    again: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, statistic: str) -> Mapping[str, float]:
        return self.layers.get(statistic, {})

    def every(self, statistic: str) -> Mapping[str, float]:
        """Also `again`."""
        return {**self.of(statistic), **self.again.get(statistic, {})}

    def broken(self, what: str) -> list[str]:
        """Layers whose `what` (preactivation, activation, gradient) had NaN or infinity, by depth."""
        if counted := self.every(f"{what}/nonfinite"):
            return [k for k, n in counted.items() if n > 0]
        # With finite values the deviation can overflow (above 1e18), the mean hardly ever (1e33).
        telling = next(filter(None, (self.every(f"{what}/{s}") for s in ("largest", "mean", "std"))), {})
        return [k for k, value in telling.items() if not math.isfinite(value)]

    @property
    def zeros(self) -> list[str]:
        """The layers whose weights are all zero, after the step's update."""
        distinct, stds, ratios = map(self.of, ("weight/distinct", "weight/std", "weight/update_ratio"))
        # A layer of one channel has nothing to be distinct from, and equal weights deviate by 0.
        zero = [k for k in distinct if math.isnan(distinct[k]) and stds.get(k) == 0]
        return [k for k in zero if not math.isfinite(ratios.get(k, math.nan))]

    @property
    def begun_at_zero(self) -> list[str]:
        """The layers whose weights were all zero before the step's update: they gave the same for all images."""
        ratios, outputs = self.of("weight/update_ratio"), self.of("preactivation/std")
        return [*self.zeros, *(k for k, ratio in ratios.items() if ratio == 1 and outputs.get(k) == 0)]

    def update_ratio(self, without: Container[str] = ()) -> float | None:
        """Norm of the update over that of the weights, median over layers."""
        ratios = [r for k, r in self.of("weight/update_ratio").items() if math.isfinite(r) and k not in without]
        return median(ratios) if ratios else None

    @property
    def loss(self) -> float | None:
        return self.scalars.get("train/loss")

    @property
    def finite(self) -> bool:
        losses = [self.scalars.get(key, 0.0) for key in LOSSES]
        broken = any(map(self.broken, ("preactivation", "activation", "gradient")))
        return all(map(math.isfinite, losses)) and not broken


def read_row(row: Mapping[str, float]) -> Record:
    scalars: dict[str, float] = {}
    layers: dict[str, dict[str, float]] = {}
    for key, value in row.items():
        what, _, rest = key.partition("/")
        statistic, _, layer = rest.partition("/")
        if layer:
            layers.setdefault(f"{what}/{statistic}", {})[layer] = float(value)
        else:
            scalars[key] = float(value)
    by_depth = {k: dict(sorted(v.items())) for k, v in layers.items()}
    again: dict[str, dict[str, float]] = {}
    if AGAIN.search(next(reversed(by_depth.get("preactivation/std", {})), "")):  # the last layer ran several times
        again = {s: {k: v for k, v in values.items() if AGAIN.search(k)} for s, values in by_depth.items()}
        by_depth = {s: {k: v for k, v in values.items() if k not in again[s]} for s, values in by_depth.items()}
    return Record(int(scalars.get("step", 0)), scalars, by_depth, again)
