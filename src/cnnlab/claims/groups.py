"""Runs that differ only in their seed, as one group: mean, scatter, interval, and how many trained or went wrong."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from cnnlab.claims.axes import short_names
from cnnlab.claims.experiment import Experiment
from cnnlab.claims.metric import Metric
from cnnlab.claims.run_record import RunRecord

LEVEL = 0.95
TRAINED = (
    "trained: runs whose test accuracy is above that of always guessing the largest class, by more than chance (1.96 "
    "binomial standard deviations); in brackets the 95 % interval of their share."
)


@dataclass(frozen=True)
class Group:
    """`values`: the metric of every run that has a result, also of diverged ones, NaN included; `seeds`: theirs."""

    name: str
    labels: Mapping[str, str]
    metric: Metric
    runs: tuple[RunRecord, ...]

    @property
    def with_result(self) -> list[RunRecord]:
        return [run for run in self.runs if run.value(self.metric.key) is not None]

    @cached_property
    def values(self) -> np.ndarray:
        return np.array([run.value(self.metric.key) for run in self.with_result], dtype=float)

    @property
    def seeds(self) -> list[str | None]:
        return [run.seed for run in self.with_result]

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def is_finite(self) -> bool:
        """Whether there is a result and every one is a number; a loss of diverged runs is not."""
        return self.n > 0 and bool(np.isfinite(self.values).all())

    @property
    def is_constant(self) -> bool:
        """Several runs, all with exactly the same value, as untrained networks at chance have."""
        return self.n > 1 and self.is_finite and float(np.ptp(self.values)) == 0

    @property
    def mean(self) -> float | None:
        if not self.is_finite:
            return None
        return float(self.values[0]) if self.is_constant else float(self.values.mean())

    @property
    def sd(self) -> float | None:
        """Between seeds, with n - 1; None for a single one."""
        if self.n < 2 or not self.is_finite:
            return None
        return 0.0 if self.is_constant else float(self.values.std(ddof=1))

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the mean, Student's t, a share's within 0 and 1; None where the runs are too few or do not
        scatter."""
        if self.sd is None or self.sd == 0:
            return None
        low, high = DescrStatsW(self.values).tconfint_mean(alpha=1 - LEVEL)
        return (max(float(low), 0.0), min(float(high), 1.0)) if self.metric.is_share else (float(low), float(high))

    @property
    def whisker(self) -> tuple[float, float, float]:
        """Mean and the ends of its interval, which are the mean itself where there is none. Only with a mean."""
        assert self.mean is not None
        return self.mean, *(self.interval or (self.mean, self.mean))

    @property
    def best(self) -> float | None:
        finite = self.values[np.isfinite(self.values)]
        if not len(finite):
            return None
        return float(finite.max() if self.metric.higher_is_better else finite.min())

    @cached_property
    def states(self) -> Counter[str]:
        """{status: number of runs}"""
        return Counter(run.state for run in self.runs)

    @cached_property
    def trained(self) -> tuple[int, int]:
        """Runs that trained, and runs of which it is known."""
        known = [answer for answer in map(has_trained, self.runs) if answer is not None]
        return sum(known), len(known)

    @property
    def trained_interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the share of runs that train (Wilson 1927)."""
        trained, known = self.trained
        if not known:
            return None
        ends: Any = proportion_confint(trained, known, alpha=1 - LEVEL, method="wilson")
        return max(float(ends[0]), 0.0), min(float(ends[1]), 1.0)  # rounding leaves -1e-17

    @cached_property
    def noise_floor(self) -> float | None:
        """Standard deviation of the accuracy that the size of the test set alone causes: the runs' median."""
        floors = [run.value("test/noise_floor") for run in self.runs]
        known = [floor for floor in floors if floor is not None and math.isfinite(floor)]
        return median(known) if known else None


def has_trained(run: RunRecord) -> bool | None:
    """None if the run has no accuracy, or does not say how many images it was tested on."""
    accuracy, chance, images = (run.value(f"test/{name}") for name in ("accuracy", "chance", "images"))
    if accuracy is None or chance is None or images is None:
        return None
    scatter = math.sqrt(chance * (1 - chance) / images)
    return accuracy > chance + float(norm.ppf((1 + LEVEL) / 2)) * scatter


def groups_of(experiment: Experiment, metric: Metric) -> list[Group]:
    """In the order of the jobs."""
    members: dict[tuple[str, ...], list[RunRecord]] = {}
    for run in experiment.measured:
        members.setdefault(tuple(run.labels[axis] for axis in experiment.axes), []).append(run)
    labels = [dict(zip(experiment.axes, key, strict=True)) for key in members]
    names = ["this run"] if experiment.is_one_run and not experiment.axes else short_names(labels)
    return [
        Group(name, each, metric, tuple(runs)) for name, each, runs in zip(names, labels, members.values(), strict=True)
    ]


def shown_step(groups: Sequence[Group]) -> float | None:
    """What their numbers are to show: the smallest scatter between runs, or difference between groups where nothing
    scatters; None where all are equal."""
    scatter = [group.sd for group in groups if group.sd]
    means = sorted(group.mean for group in groups if group.mean is not None)
    return min(scatter or [high - low for low, high in pairwise(means) if high > low], default=None)


def ranked(groups: Sequence[Group]) -> list[Group]:
    """Best mean first; groups without one last."""
    known = [group for group in groups if group.mean is not None]
    known.sort(key=lambda group: -(group.mean or 0.0) * group.metric.sign())
    return known + [group for group in groups if group.mean is None]
