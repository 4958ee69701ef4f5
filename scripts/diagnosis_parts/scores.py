"""What counts as harmful, found, named and repaired, and how often it was."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from statsmodels.stats.proportion import proportion_confint

from diagnosis_parts.causes import names_cause
from diagnosis_parts.faults import FAULTS
from diagnosis_parts.jobs import Outcome

HARMFUL = 0.15  # of what a base's accuracy is above guessing
REPAIRED = 0.8  # of that loss
NEAR_GUESSING = 0.1


@dataclass(frozen=True)
class Rate:
    """`hits` of `of`, with Wilson's interval."""

    hits: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        if not self.of:
            return 0.0, 1.0
        low, high = proportion_confint(self.hits, self.of, method="wilson")
        return float(low), float(high)

    def __str__(self) -> str:
        if not self.of:
            return "none"
        low, high = self.interval
        return f"{self.hits} of {self.of}, {self.hits / self.of:.0%} ({low:.0%} to {high:.0%})"


def rate(outcomes: Iterable[Outcome], holds: Callable[[Outcome], object]) -> Rate:
    answers = [bool(holds(outcome)) for outcome in outcomes]
    return Rate(sum(answers), len(answers))


def mean_accuracies(baselines: Iterable[Outcome]) -> dict[str, float]:
    """{base: mean test accuracy over seeds}. Every baseline must have trained."""
    found: dict[str, list[float]] = {}
    for outcome in baselines:
        found.setdefault(outcome["base"], []).append(outcome["accuracy"])
    return {base: fmean(accuracies) for base, accuracies in found.items()}


def lost(outcome: Outcome, baseline: Mapping[str, float]) -> float:
    """Share of what the base's accuracy is above guessing; all of it if the run was refused."""
    if "accuracy" not in outcome:
        return 1.0
    reached, chance = baseline[outcome["base"]], outcome["chance"]
    return (reached - outcome["accuracy"]) / (reached - chance)


def is_harmful(outcome: Outcome, baseline: Mapping[str, float]) -> bool:
    return lost(outcome, baseline) >= HARMFUL


def is_found(outcome: Outcome) -> bool:
    """Any finding, whatever it says; or a refusal that names the fault."""
    if "refused" in outcome:
        return names_cause(outcome["refused"], FAULTS[outcome["name"]].causes)
    return bool(outcome["findings"])


def first_cause(outcome: Outcome) -> str | None:
    findings = outcome.get("findings")
    return findings[0]["cause"] if findings else None


def is_named_first(outcome: Outcome) -> bool:
    """The first finding's cause is an acceptable one; a refusal names one in its words."""
    if "refused" in outcome:
        return is_found(outcome)
    return outcome["what"] == "fault" and first_cause(outcome) in FAULTS[outcome["name"]].causes


def is_called_healthy(outcome: Outcome) -> bool:
    return outcome.get("first") == "healthy"


def is_healthy_near_guessing(outcome: Outcome) -> bool:
    return is_called_healthy(outcome) and outcome["accuracy"] - outcome["chance"] < NEAR_GUESSING


def is_repaired(outcome: Outcome, repaired: Outcome | None, baseline: Mapping[str, float]) -> bool:
    """At least 80 % of the loss is regained."""
    if repaired is None or "accuracy" not in repaired:
        return False
    return lost(repaired, baseline) <= (1 - REPAIRED) * lost(outcome, baseline)


def place(outcome: Outcome) -> tuple[str, str, int]:
    return outcome["name"], outcome["base"], outcome["seed"]
