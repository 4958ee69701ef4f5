"""Runs every claim of configs/experiment, as far as its runs are not there, and judges them together.

make claims                                          all, into outputs/claims; writes docs/claims.{md,html}
make claims ARGS="--root data"                       where MNIST and CIFAR-10 lie, or are downloaded to
make claims ARGS="--cifar10 folder"                  CIFAR-10 as folders of pictures, train/<class>/*, test/<class>/*
make claims ARGS="--only he_suits_relu zeros_do_not_learn"
make claims ARGS="--judge"                           only judges what is there
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter

import numpy as np
from rich.console import Console

from cnnlab.claims.circumstances import circumstances
from cnnlab.claims.claim import Claim
from cnnlab.claims.experiment import Experiment, load
from cnnlab.claims.find_runs import SWEEP
from cnnlab.claims.run_record import RunRecord
from cnnlab.claims.stated import StatedClaim, stated_claims
from cnnlab.claims.verdict import Verdict, judge_all
from cnnlab.cli.compose import CONFIGS
from cnnlab.views.claims.catalogue import ClaimEntry
from cnnlab.views.claims.claims_markdown import claims_markdown
from cnnlab.views.claims.claims_page import claims_page

EQUAL_ARMS, GROUP, DRAWS = "equal_arms", 6, 2000
COLOURS = {"holds": "green", "does not hold": "red", "holds only when": "green", "inconclusive": "yellow"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("outputs/claims"), help="of the sweeps")
    parser.add_argument("--root", help="dataset.root of MNIST and CIFAR-10")
    parser.add_argument("--cifar10", help="folder with CIFAR-10 as pictures")
    parser.add_argument("--only", nargs="+", default=[], help="names of claims")
    parser.add_argument("--judge", action="store_true", help="run nothing")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where claims.md and claims.html go")
    args = parser.parse_args()
    console, claims = Console(highlight=False), list(stated_claims(CONFIGS / "experiment"))
    failed = []
    if not args.judge:
        names = {claim.name: data_of(claim, args.root, args.cifar10) for claim in claims}
        names |= {EQUAL_ARMS: []}
        began = perf_counter()
        for i, (name, data) in enumerate(names.items(), start=1):
            if args.only and name not in args.only:
                continue
            console.rule(f"{i} of {len(names)}: {name}, {(perf_counter() - began) / 60:.0f} minutes so far")
            command = ["-m", f"experiment={name}", *data, f"hydra.sweep.dir={args.folder / name}"]
            if subprocess.run([sys.executable, "-m", "cnnlab.train", *command]).returncode:
                failed.append(name)
    entries = judged(claims, args.folder)
    facts = false_verdicts(args.folder / EQUAL_ARMS)
    for entry in entries:
        console.print(f"[bold {COLOURS.get(entry.word, 'default')}]{entry.short}[/]: {entry.claim.sentence}")
    args.docs.mkdir(parents=True, exist_ok=True)
    for name, text in {
        "claims.md": claims_markdown(entries, facts),
        "claims.html": claims_page(entries, facts),
    }.items():
        (args.docs / name).write_text(text, encoding="utf-8")
        console.print(args.docs / name)
    if failed:
        sys.exit(f"Some runs did not finish: {', '.join(failed)}. The same command runs only what is missing.")


def data_of(claim: StatedClaim, root: str | None, cifar10: str | None) -> list[str]:
    """The overrides that say where a claim's images lie."""
    if claim.data == "cifar10" and cifar10:
        return ["dataset=image_folder", f"dataset.root={cifar10}"]
    return [f"dataset.root={root}"] if claim.data in ("mnist", "cifar10") and root else []


def judged(claims: Sequence[StatedClaim], folder: Path) -> list[ClaimEntry]:
    """An entry for each; by Holm's method over all that were run."""
    found = {c.name: load([folder / c.name]) for c in claims if (folder / c.name / SWEEP).is_file()}
    verdicts = dict(zip(found, judge_all([(c.claim, found[c.name]) for c in claims if c.name in found]), strict=True))
    return [entry_of(claim, found.get(claim.name), verdicts.get(claim.name)) for claim in claims]


def entry_of(claim: StatedClaim, experiment: Experiment | None, verdict: Verdict | None) -> ClaimEntry:
    if experiment is None:
        return ClaimEntry(claim.name, claim.claim, claim.command, claim.expected)
    fingerprints = dict.fromkeys(str(run.results["data/fingerprint"]) for run in experiment.measured if run.results)
    facts = circumstances(experiment) | {"data fingerprint": "; ".join(list(fingerprints)[:4])}
    return ClaimEntry(
        claim.name,
        claim.claim,
        claim.command,
        claim.expected,
        verdict,
        runs=len(experiment.runs),
        seconds=busy_seconds(experiment.runs),
        facts=facts,
    )


def busy_seconds(runs: Sequence[RunRecord]) -> float:
    """How long at least one of the runs was running; they may have been started several times."""
    total, end = 0.0, None
    for began, finished in sorted(times(runs)):
        start = began if end is None else max(began, end)
        total += max((finished - start).total_seconds(), 0.0)
        end = finished if end is None else max(end, finished)
    return total


def times(runs: Sequence[RunRecord]) -> Iterator[tuple[datetime, datetime]]:
    for run in runs:
        if run.status.get("started") and run.status.get("finished"):
            yield datetime.fromisoformat(run.status["started"]), datetime.fromisoformat(run.status["finished"])


def false_verdicts(folder: Path) -> dict[str, str]:
    """How often "the first is better" is called right, of two groups drawn from runs of one arm."""
    if not (folder / SWEEP).is_file():
        return {}
    runs, draws = load([folder]).measured, np.random.default_rng(0)
    claims = [
        Claim("One is better.", ("test/accuracy",), (other,), (one,), margin=1e-9)
        for one, other in (("first", "second"), ("second", "first"))
    ]
    wrong = 0
    for _ in range(DRAWS):
        drawn = [runs[i] for i in draws.choice(len(runs), 2 * GROUP, replace=False)]
        pair = equal_arms(drawn)
        wrong += any(verdict.word == "holds" for claim in claims for verdict in judge_all([(claim, pair)]))
    return {
        "false_verdicts": f"{wrong:,} of {DRAWS:,} ({100 * wrong / DRAWS:.1f} %)",
        "false_verdicts_how": (
            f"Of {len(runs)} runs of one design on digits, two disjoint groups of {GROUP} were drawn {DRAWS:,} times, "
            "and the verdict on either being better, by however little, was 'holds'; 5 % are allowed."
        ),
    }


def equal_arms(drawn: Sequence[RunRecord]) -> Experiment:
    """The first half as one arm, the second as another."""
    labels = [{"arm": name} for name in ("first", "second") for _ in range(GROUP)]
    runs = [RunRecord(**{**vars(run), "labels": each}) for run, each in zip(drawn, labels, strict=True)]
    return Experiment((), (), tuple(runs), ("arm",))


if __name__ == "__main__":
    main()
