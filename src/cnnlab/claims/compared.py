"""One comparison of a claim: the runs of an arm beside a number, a key of the same runs, or another arm."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from cnnlab.claims.metric import Metric
from cnnlab.claims.run_record import RunRecord

if TYPE_CHECKING:  # scipy takes longer to load than a mistake to be told
    from cnnlab.claims.interval import Estimate

Outcome = Literal["holds", "does not hold", "no difference that matters", "inconclusive", "unknown"]


@dataclass(frozen=True)
class Comparison:
    """`value`: by how much the claim is right, in units of the key: left minus right where it says higher, right minus
    left where lower, left minus right where equal; `interval`: its 95 % interval, None where nothing is estimated.

    `place`: the levels of the sweep's other axes, in words. `left`, `right`: means, or shares of runs that trained.
    `p`: the smallest alpha at which the interval would still decide so; where nothing scatters, how often chance alone
    gives that. `p_holm`: for all that is compared with it. `seeds`: how many per arm would decide it, by p_holm, if
    what was seen is true; None where it is not asked or not known. `estimate`: of `value`, where it is one of means.
    `reason`: why it is unknown.
    """

    key: str
    arm: str
    other: str
    place: str = ""
    n: int = 0
    left: float | None = None
    right: float | None = None
    value: float | None = None
    interval: tuple[float, float] | None = None
    margin: float = 0.0
    p: float | None = None
    p_holm: float | None = None
    outcome: Outcome = "unknown"
    seeds: int | None = None
    rule: str = "means"
    is_: str = "higher"
    reason: str = ""
    estimate: "Estimate | None" = None

    @property
    def is_share(self) -> bool:
        """Of runs, or an accuracy; but not a slope of accuracies."""
        return self.rule == "trained" or (Metric(self.key).is_share and "slope" not in self.rule)

    def figure(self, value: float) -> str:
        """In the units of the key: 97.91 %, 2,736, 0.0031."""
        return f"{self.bare(value)} %" if self.is_share else self.bare(value)

    def difference(self, value: float) -> str:
        """In points, of shares."""
        return f"{self.bare(value)} points" if self.is_share else self.bare(value)

    def bare(self, value: float) -> str:
        """Without unit."""
        if self.is_share:
            return f"{100 * value:.0f}" if self.rule == "trained" else f"{100 * value:.2f}"
        if float(value).is_integer() and abs(value) < 1e6:
            return f"{value:,.0f}"
        return f"{value:.3g}"


def is_pattern(key: str) -> bool:
    """Whether it stands for several keys of results.json."""
    return any(sign in key for sign in "*?[")


def value_of(run: RunRecord, key: str, is_: str, target: float = 0.0) -> float | None:
    """A number of results.json. Of several that match a pattern the one that speaks most against the claim: the
    smallest where it says higher, the largest where lower, the farthest from `target` where equal."""
    if not is_pattern(key):
        return run.value(key)
    found = [value for name in run.results if fnmatchcase(name, key) and (value := run.value(name)) is not None]
    if not found or any(map(math.isnan, found)):
        return math.nan if found else None
    match is_:
        case "higher":
            return min(found)
        case "lower":
            return max(found)
    return max(found, key=lambda value: abs(value - target))


def by_seed(runs: Sequence[RunRecord], key: str, is_: str, target: float = 0.0) -> Mapping[str, float]:
    """{seed: value} of the runs that have one."""
    found = {str(run.seed): value_of(run, key, is_, target) for run in runs}
    return {seed: value for seed, value in found.items() if value is not None}
