"""All that is known of a set: its outcomes, those of its repairs, and what the other tools said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from diagnosis_parts.faults import FAULTS
from diagnosis_parts.jobs import Folders, Job, Outcome, baselines, jobs, repair
from diagnosis_parts.one_run import to_try
from diagnosis_parts.runner import known
from diagnosis_parts.scores import (
    Rate,
    is_found,
    is_harmful,
    is_healthy_near_guessing,
    is_named_first,
    is_repaired,
    mean_accuracies,
    place,
    rate,
)


@dataclass
class Measured:
    """`planned`: how many runs the set has. `repairs`: by `place`. `others`: by key."""

    set_name: str
    baseline: Mapping[str, float]
    planned: int
    outcomes: Sequence[Outcome] = ()
    repairs: Mapping[tuple, Outcome] = field(default_factory=dict)
    others: Mapping[str, Outcome] = field(default_factory=dict)

    @property
    def faulty(self) -> list[Outcome]:
        return [o for o in self.outcomes if o["what"] == "fault" and "failed" not in o]

    @property
    def harmful(self) -> list[Outcome]:
        return [o for o in self.faulty if is_harmful(o, self.baseline)]

    @property
    def healthy(self) -> list[Outcome]:
        """Those that trained well."""
        return [o for o in self.outcomes if o["what"] == "healthy" and not self._unwell(o)]

    @property
    def unwell(self) -> list[Outcome]:
        return [o for o in self.outcomes if o["what"] == "healthy" and self._unwell(o)]

    def of_family(self, family: str) -> "Measured":
        outcomes = [o for o in self.outcomes if o["what"] == "fault" and FAULTS[o["name"]].family == family]
        return replace(self, outcomes=outcomes)

    @property
    def recall(self) -> Rate:
        """Harmful runs with any finding."""
        return rate(self.harmful, is_found)

    @property
    def named(self) -> Rate:
        """Harmful runs of which the first finding names an acceptable cause."""
        return rate(self.harmful, is_named_first)

    @property
    def precision(self) -> Rate:
        """Runs with a finding, harmless and healthy ones included, of which the first cause is right."""
        return rate([o for o in [*self.faulty, *self.healthy] if o.get("findings")], is_named_first)

    @property
    def false_alarms(self) -> Rate:
        return rate(self.healthy, lambda o: o["findings"])

    @property
    def repaired(self) -> Rate:
        """Harmful runs that an override can repair, and that the first finding's did repair."""
        reachable = [o for o in self.harmful if FAULTS[o["name"]].reachable and "refused" not in o]
        return rate(reachable, lambda o: is_repaired(o, self.repairs.get(place(o)), self.baseline))

    @property
    def healthy_near_guessing(self) -> list[Outcome]:
        return [o for o in self.outcomes if "accuracy" in o and is_healthy_near_guessing(o)]

    def _unwell(self, outcome: Outcome) -> bool:
        return "failed" in outcome or is_harmful(outcome, self.baseline)


def repairs_of(outcomes: Sequence[Outcome], baseline: Mapping[str, float], folders: Folders) -> list[Job]:
    """Of harmful runs that an override can repair and whose first finding names one."""
    return [
        repair(o, override, folders)
        for o in outcomes
        if o["what"] == "fault" and "failed" not in o and is_harmful(o, baseline)
        if FAULTS[o["name"]].reachable and (override := to_try(o)) is not None
    ]


def measured(set_name: str, folder: Path, folders: Folders) -> Measured:
    """From the files alone; what has not run is left out."""
    baseline = mean_accuracies(known(baselines(folders), folder / "baseline.jsonl").values())
    path, planned = folder / f"{set_name}.jsonl", jobs(set_name, folders)
    outcomes = [o for o in known(planned, path).values() if o["base"] in baseline]
    repairs = known(repairs_of(outcomes, baseline, folders), path).values()
    others = known(planned, folder / f"{set_name}-others.jsonl")
    return Measured(set_name, baseline, len(planned), outcomes, {place(o): o for o in repairs}, others)
