"""sweep.json, the frozen list of a sweep's jobs, and what its folder says about each of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cnnlab.claims.claim import changed, keys_of
from cnnlab.claims.compared import value_of
from cnnlab.claims.find_runs import SWEEP, read_sweep
from cnnlab.claims.run_record import read_status
from cnnlab.cli.sweeps.frozen import FrozenJob
from cnnlab.cli.sweeps.plan import Plan
from cnnlab.common.errors import InputError
from cnnlab.common.words import shown
from cnnlab.runs.changes import differences, read_config, same_places
from cnnlab.runs.run_folder import write_json
from cnnlab.runs.status import FINISHED, being_run


def unfinished(sweep: Path, jobs: Sequence[FrozenJob], *, elsewhere: bool = False) -> list[FrozenJob]:
    """The jobs to run: new ones, and those that failed, were interrupted or vanished. InputError where a run folder
    holds other settings, or is being written.

    `elsewhere`: the launcher's runs go on without it, so that it can wait for those that it started earlier.
    """
    return [job for job in jobs if not _finished(sweep / job.name, job, elsewhere)]


def check_names(jobs: Sequence[FrozenJob]) -> None:
    """InputError if two jobs would share a run folder, or have the same settings, by which launchers know them."""
    seen: dict[str, FrozenJob] = {}
    twins: dict[tuple[str, ...], FrozenJob] = {}
    for job in jobs:
        other = seen.setdefault(job.name, job)
        if other is not job:
            raise InputError(
                f"Two jobs would share the run folder {job.name}:\n  {' '.join(other.lines)}\n  {' '.join(job.lines)}"
            )
        twin = twins.setdefault(tuple(job.lines), job)
        if twin is not job:
            raise InputError(
                f"{twin.name} and {job.name} have the same settings, so that one run would do for both:\n"
                f"  {' '.join(job.lines)}\nLeave out one of the arms, or give them other settings."
            )


def _finished(folder: Path, job: FrozenJob, elsewhere: bool) -> bool:
    run = read_status(folder)
    if run["status"] == "running" and not elsewhere:
        raise InputError(f"{being_run(folder, run)}\nOr give another hydra.sweep.dir.")
    if run["status"] not in (*FINISHED, "running"):
        return False
    if job.text is not None and run["config_hash"] != job.hash:
        known = read_config(folder / "config.yaml")
        if not _same_run(known, run, job.text):
            raise InputError(
                f"{folder} was run with other settings: {differences(known, job.text)}.\n"
                "Runs of both cannot share a folder: give this sweep another, hydra.sweep.dir=outputs/sweeps/NAME."
            )
    return run["status"] in FINISHED


def _same_run(known: str | None, run: Mapping[str, Any], text: str) -> bool:
    """Whether the run has these settings, and went on from another working folder: then it names its images in full."""
    return known is not None and run.get("cwd") is not None and same_places(known, run["cwd"], text)


def write_record(
    sweep: Path,
    command: str,
    plan: Plan,
    paired: bool,
    claim: dict[str, Any] | None,
    jobs: Sequence[FrozenJob],
    chosen: Sequence[dict[str, Any]],
) -> None:
    """Write sweep.json, with the runs of earlier calls that this one does not name.

    While an arm is being tuned, what an earlier call chose and measured stays. So does the claim that its runs were
    made for, where this one states none.
    """
    path, names = sweep / SWEEP, {job.name for job in jobs}
    earlier = read_sweep(sweep).content if path.is_file() else {"jobs": [], "created": None, "tune": None}
    ran = {e["name"]: e for e in earlier["jobs"] if (sweep / e["name"] / "run.json").is_file()}
    kept = [entry for name, entry in ran.items() if name not in names]
    entries = [ran.get(job.name, job.entry()) if job.text is None else job.entry() for job in jobs]
    judged = [choice["labels"] for choice in chosen]
    chosen = [*chosen, *(c for c in (earlier["tune"] or {}).get("chosen", []) if c["labels"] not in judged)]
    tune = {"grid": _lists(plan.grid), "seeds": list(plan.tune_seeds), "metric": METRIC, "chosen": chosen}
    content = {
        "version": 1,
        "command": command,
        "created": earlier["created"] or datetime.now(UTC).isoformat(timespec="seconds"),
        "arms": _lists(plan.arms),
        "axes": list(plan.axes),
        "paired": paired,
        "claim": claim or earlier.get("claim"),
        "tune": tune if plan.grid else None,
        "jobs": [*entries, *kept],
    }
    write_json(path, content)


def check_claim(sweep: Path, claim: dict[str, Any] | None) -> None:
    """InputError where the folder's runs were made for a claim that was stated otherwise; but a key that none of them
    has, as with a typo in it, could have decided nothing, and may be corrected."""
    record = read_sweep(sweep) if (sweep / SWEEP).is_file() else None
    before = record.content.get("claim") if record else None
    if not record or not before or not claim:
        return
    runs = list(record.runs())
    for key in changed(before, claim):
        named, now = set(keys_of(before, key)), set(keys_of(claim, key))
        had = {name for name in named if any(value_of(run, name, "equal") is not None for run in runs)}
        rest = [_others(content, key, named | now) for content in (before, claim)]
        if any(run.results for run in runs) and had < named and had <= now and rest[0] == rest[1]:
            continue
        raise InputError(
            f"claim.{key} was {shown(before.get(key))} when the runs in {sweep} began, and is {shown(claim.get(key))} "
            "now.\nWhat matters is stated before anything runs: for another claim give another folder, "
            "hydra.sweep.dir=outputs/sweeps/NAME."
        )


def _others(content: dict[str, Any], setting: str, keys: set[str]) -> list[Any]:
    """What a claim's setting names beside keys of results: arms, numbers."""
    value = content.get(setting)
    return [each for each in (value if isinstance(value, list) else [value]) if each not in keys and each is not None]


METRIC = "validation/accuracy"  # settings are chosen by it, so that the test split stays unseen


def _lists(values: Any) -> dict[str, list[str]]:
    return {key: list(found) for key, found in values.items()}
