"""`repair=true`: tries what a run's diagnosis advises, one change after another, and keeps what helps."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cnnlab.cli.compose import compose_run
from cnnlab.cli.preflight import check_training
from cnnlab.cli.resolvers import slug
from cnnlab.common.errors import InputError
from cnnlab.diagnosis import Finding, Remedy
from cnnlab.diagnosis.evidence import BRIEF
from cnnlab.diagnosis.remedies import by_setting
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import plain, write_json
from cnnlab.training.session import Session
from cnnlab.training.start import diagnosis_of, trained
from cnnlab.views.outcome import command
from cnnlab.views.repair_table import announce, print_repair

ROUNDS = 5
# Standard errors of the difference between two accuracies by which the better one must be ahead. Of changes that do
# nothing 2.3 % are, if the two err independently; on 144 images and at 0.9 it takes 0.07.
MARGIN = 2.0


def remedies_of(findings: Sequence[Finding]) -> list[Remedy]:
    """In the order in which they are tried: of every finding's causes, the likeliest first."""
    return [cause.remedy for finding in findings if finding.severity != "note" for cause in finding.causes]


@dataclass(frozen=True)
class Attempt:
    """A brief run with one more change, `override`; "" is the run as it was. `loss`, `accuracy`: on the validation
    images, of which there are `images`. `error`: the end of a run that diverged, or why there was none."""

    override: str
    folder: str = ""
    status: str = "refused"
    error: str | None = None
    loss: float = math.nan
    accuracy: float = math.nan
    images: int = 0
    findings: Sequence[Finding] = field(default=(), repr=False)

    @classmethod
    def of(cls, override: str, session: Session, folder: str) -> "Attempt":
        loss, accuracy = (float(session.results[f"validation/{name}"]) for name in ("loss", "accuracy"))
        status, error = (session.folder.status[key] for key in ("status", "error"))
        findings = diagnosis_of(session).findings
        return cls(override, folder, status, error, loss, accuracy, len(session.data.validation), findings)

    @property
    def healthy(self) -> bool:
        return self.finite and all(finding.severity == "note" for finding in self.findings)

    @property
    def finite(self) -> bool:
        return self.status == "completed" and math.isfinite(self.loss)

    def helps(self, before: "Attempt") -> bool:
        """Finite where `before` diverged, or better by more than chance in the choice of validation images gives."""
        if not self.finite or not before.finite:
            return self.finite
        return self.accuracy - before.accuracy > MARGIN * math.hypot(self.standard_error, before.standard_error)

    @property
    def standard_error(self) -> float:
        """Of the accuracy. With one more image right and one more wrong, so that it is not 0 where all are right."""
        share = (self.accuracy * self.images + 1) / (self.images + 2)
        return math.sqrt(share * (1 - share) / (self.images + 2))

    def entry(self, kept: bool | None) -> dict[str, Any]:
        """Its part of repair.json."""
        names = ("override", "folder", "status", "error", "loss", "accuracy", "images")
        return plain({name: getattr(self, name) for name in names}) | {"kept": kept}


def repair(session: Session, request: Request, show: bool) -> dict[str, Any]:
    """Up to ROUNDS brief runs in `repair/` of the run's folder, and repair.json; returns entries for results.json.

    Each has the run's settings, what was kept so far, and one more change. `show`: also print them in a table, and the
    command with what was kept.
    """
    steps, home = min(BRIEF, session.steps), session.folder.path
    first = Attempt.of("", session, ".")
    if not first.healthy and session.steps > steps:  # what is compared has as many steps, and its schedule in as many
        first = replace(_tried("", {}, request, steps, home, 0, show), findings=first.findings)
    rounds: list[tuple[Attempt, bool | None]] = [(first, None)]
    current, kept = first, dict[str, str]()
    while not current.healthy and len(rounds) <= ROUNDS:
        override = next(_new(current.findings, rounds, request), None)
        if override is None:
            break
        made = _tried(override, kept, request, steps, home, len(rounds), show)
        rounds.append((made, made.helps(current)))
        if made.helps(current):
            current, kept = made, kept | by_setting(override)
    content = {
        "steps": steps,
        "rounds": [attempt.entry(helped) for attempt, helped in rounds],
        "kept": [f"{key}={value}" for key, value in kept.items()],
        "healthy": current.healthy,
        "left": [finding.name for finding in current.findings if finding.severity != "note"],
        "accuracy": [plain({"": attempt.accuracy})[""] for attempt in (first, current)],
        "command": command(request, repair=None, **kept) if kept else None,
    }
    write_json(home / "repair.json", content)
    if show:
        print_repair(content)
    return _flat(content)


def _tried(
    override: str, kept: Mapping[str, str], request: Request, steps: int, home: Path, number: int, show: bool
) -> Attempt:
    """The brief run of these overrides; what the command would refuse is refused here, with its first line."""
    if show:
        announce(number, override, steps)
    changes = {**kept, **by_setting(override), "trainer.max_steps": str(steps)}
    name = f"repair/{number}_{slug(override) or 'as_it_was'}"
    try:
        lines = request.with_changes({"repair": None, **changes})
        config, made, _ = compose_run("train", lines, request.config_dir, of_sweep=True)
        parts = check_training([config])
        return Attempt.of(override, trained(config, made, home / name, pictures=False, parts=parts), name)
    except InputError as error:
        return Attempt(override, error=str(error).splitlines()[0])


def _new(findings: Sequence[Finding], rounds: Sequence[tuple[Attempt, bool | None]], request: Request) -> Iterator[str]:
    """The overrides that can be typed, were not tried, and are not how the run was from the beginning."""
    tried = {attempt.override for attempt, _ in rounds}
    for remedy in remedies_of(findings):
        if remedy.typeable and remedy.override not in tried and not _is_set(remedy, request):
            yield remedy.override


def _is_set(remedy: Remedy, request: Request) -> bool:
    value: Any = request.choices.get(remedy.setting, request.config)
    for part in remedy.setting.split(".") if isinstance(value, Mapping) else ():
        value = value.get(part) if isinstance(value, Mapping) else None
    return value == remedy.value


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """Entries of results.json; accuracies are those of the brief runs on validation images."""
    before, after = content["accuracy"]
    return {
        "diagnosis/repair/tried": len(content["rounds"]) - 1,
        "diagnosis/repair/kept": " ".join(content["kept"]),
        "diagnosis/repair/healthy": content["healthy"],
        "diagnosis/repair/accuracy_before": before,
        "diagnosis/repair/accuracy_after": after,
        "diagnosis/repair/command": content["command"],
    }
