"""docs/claims.md and docs/claims.html: every claim as it is stated, and judged as far as it was run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cnnlab.claims.circumstances import UNKNOWN, circumstances, tuned_in_words
from cnnlab.claims.experiment import Experiment, load
from cnnlab.claims.false_verdicts import false_verdicts
from cnnlab.claims.find_runs import SWEEP
from cnnlab.claims.run_record import RunRecord
from cnnlab.claims.stated import StatedClaim
from cnnlab.claims.verdict import Verdict, judge_all
from cnnlab.views.claims.catalogue import ClaimEntry
from cnnlab.views.claims.claims_markdown import claims_markdown
from cnnlab.views.claims.claims_page import claims_page

GROUP, DRAWS = 6, 2000
FINGERPRINTS = 4  # of a sweep over data sets


def write_documents(claims: Sequence[StatedClaim], sweeps: Path, equal_arms: str, folder: Path) -> list[ClaimEntry]:
    """Write claims.md and claims.html into `folder`; returns the claims as they were judged.

    `sweeps`: folder with a claim's sweep under its name, and under `equal_arms` runs of a single design, by which
    false verdicts are counted.
    """
    entries, facts = judged(claims, sweeps), _of_equal_arms(sweeps / equal_arms)
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in {"claims.md": claims_markdown, "claims.html": claims_page}.items():
        (folder / name).write_text(document(entries, facts), encoding="utf-8")
    return entries


def judged(claims: Sequence[StatedClaim], sweeps: Path) -> list[ClaimEntry]:
    """An entry for each; by Holm's method over all that were run."""
    found = {c.name: load([sweeps / c.name]) for c in claims if (sweeps / c.name / SWEEP).is_file()}
    verdicts = judge_all([(claim.claim, found[claim.name]) for claim in claims if claim.name in found])
    by_name = dict(zip(found, verdicts, strict=True))
    return [_entry(claim, found.get(claim.name), by_name.get(claim.name)) for claim in claims]


def busy_seconds(runs: Sequence[RunRecord]) -> float:
    """How long at least one of the runs was running; a sweep that goes on later does not count its pause."""
    total, end = 0.0, None
    for began, finished in sorted(_times(runs)):
        start = began if end is None else max(began, end)
        total += max((finished - start).total_seconds(), 0.0)
        end = finished if end is None else max(end, finished)
    return total


def _entry(claim: StatedClaim, experiment: Experiment | None, verdict: Verdict | None) -> ClaimEntry:
    entry = ClaimEntry(claim.name, claim.claim, claim.command, claim.expected, verdict)
    if experiment is None:
        return entry
    return replace(
        entry,
        tuned=tuned_in_words(experiment, claim.claim.words or {}),
        runs=len(experiment.runs),
        seconds=busy_seconds(experiment.runs),
        facts=circumstances(experiment) | {"data fingerprint": _fingerprints(experiment)},
    )


def _fingerprints(experiment: Experiment) -> str:
    found = dict.fromkeys(str(run.results.get("data/fingerprint", UNKNOWN)) for run in experiment.measured)
    more = len(found) - FINGERPRINTS
    return "; ".join(list(found)[:FINGERPRINTS]) + (f"; and {more} more" if more > 0 else "")


def _of_equal_arms(folder: Path) -> Mapping[str, str]:
    if not (folder / SWEEP).is_file():
        return {}
    runs = [run for run in load([folder]).measured if run.results]
    wrong = false_verdicts(runs, GROUP, DRAWS)
    return {
        "false_verdicts": f"{wrong:,} of {DRAWS:,} ({100 * wrong / DRAWS:.1f} %)",
        "false_verdicts_how": (
            f"Of {len(runs)} runs of one design on digits, two disjoint groups of {GROUP} were drawn {DRAWS:,} times, "
            "and it was judged whether either is better, by however little; 5 % may be."
        ),
    }


def _times(runs: Sequence[RunRecord]) -> Iterator[tuple[datetime, datetime]]:
    for run in runs:
        if run.status.get("started") and run.status.get("finished"):
            yield datetime.fromisoformat(run.status["started"]), datetime.fromisoformat(run.status["finished"])
