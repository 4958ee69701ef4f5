"""Everything that a report says, computed once: groups, differences, the answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnlab.claims.claim import Claim, read_claim, without_unused
from cnnlab.claims.compared import is_pattern
from cnnlab.claims.conclusion import caveats, conclusion
from cnnlab.claims.differences import Difference, differences
from cnnlab.claims.experiment import Experiment, load
from cnnlab.claims.groups import Group, groups_of, ranked, shown_step
from cnnlab.claims.metric import Metric
from cnnlab.claims.run_record import RunRecord, is_of_a_layer
from cnnlab.claims.verdict import Verdict, judge
from cnnlab.common.errors import InputError, did_you_mean

AUTO = "auto"
USUAL = ("test/accuracy", "check/one_batch/accuracy", "check/range_test/best")  # the first that some run has


@dataclass(frozen=True)
class Study:
    """`groups`: in the order of the jobs, `ranked`: the best mean first; `differences`: of all pairs, likewise."""

    experiment: Experiment
    metric: Metric
    groups: tuple[Group, ...]
    differences: tuple[Difference, ...]
    answer: str
    caveats: tuple[str, ...]
    verdict: Verdict | None = None

    @classmethod
    def of(cls, folders: Sequence[Path], key: str = AUTO, experiment: Experiment | None = None) -> "Study":
        """Of the runs at and below `folders`. Raises InputError where there are none, or none has a number `key`.

        `key`: auto is what the sweep's claim is about, else test/accuracy, or what the runs checked. `experiment`: of
        these folders, if they were read already.
        """
        experiment = experiment or load(folders)
        metric = _metric(experiment, key)
        metric = replace(metric, step=shown_step(groups_of(experiment, metric)))
        groups = groups_of(experiment, metric)
        found = differences(groups, experiment.paired)
        return cls(
            experiment,
            metric,
            tuple(groups),
            tuple(found),
            conclusion(groups, found),
            (*caveats(experiment, groups), *_not_judged(experiment)),
            None if (claim := claim_of(experiment)) is None else judge(claim, experiment),
        )

    @property
    def ranked(self) -> list[Group]:
        return ranked(self.groups)

    @property
    def name(self) -> str:
        """Of the folders."""
        return " + ".join(folder.resolve().name for folder in self.experiment.folders)

    @property
    def unfinished(self) -> list[RunRecord]:
        """Runs that went wrong or never ran."""
        return [run for run in self.experiment.runs if run.state not in ("completed", "running")]

    @property
    def with_the_best(self) -> list[Difference]:
        """The pairs of which one is the best group."""
        return [each for each in self.differences if each.better is self.ranked[0]]

    @property
    def scatter(self) -> float | None:
        """Standard deviation between seeds, pooled over the groups."""
        known = [(g.n - 1, g.sd) for g in self.groups if g.sd is not None]
        freedom = sum(count for count, _ in known)
        return float(np.sqrt(sum(count * sd**2 for count, sd in known) / freedom)) if freedom else None


def claim_of(experiment: Experiment) -> Claim | None:
    """What the sweep was to decide; None where it said nothing, or what is refused now, or where several sweeps are
    looked at together."""
    content = _stated(experiment)
    return None if content is None or _not_judged(experiment) else read_claim(content)


def _stated(experiment: Experiment) -> dict[str, Any] | None:
    content = experiment.sweeps[0].content.get("claim") if len(experiment.sweeps) == 1 else None
    return without_unused(content) if content else None


def _not_judged(experiment: Experiment) -> list[str]:
    """Why the claim that an earlier version began its runs for is not judged."""
    content = _stated(experiment)
    try:
        if content:
            read_claim(content)
    except InputError as error:
        return [f"The claim is not judged: {' '.join(str(error).splitlines())}"]
    return []


def check_study(folders: Sequence[Path], key: str) -> Experiment:
    """Raise InputError where `Study.of` would; returns what it needs."""
    experiment = load(folders)
    _metric(experiment, key)
    return experiment


def _metric(experiment: Experiment, key: str) -> Metric:
    """Raises InputError where no run has a number of that name."""
    claim, setting = claim_of(experiment) if key == AUTO else None, "metric"
    if claim is not None and not is_pattern(claim.keys[0]):
        key, setting = claim.keys[0], "claim.key"
    numeric = {name for run in experiment.runs for name in run.results if run.value(name) is not None}
    key = next((name for name in USUAL if name in numeric), USUAL[0]) if key == AUTO else key
    if key in numeric or not numeric:
        return Metric(key)
    usual = sorted(name for name in numeric if not is_of_a_layer(name))
    raise InputError(
        f"{setting}={key}: no run has a number of that name in its results.json.{did_you_mean(key, numeric)}\n"
        f"There are: {', '.join(usual)}, and values of single layers and filters."
    )
