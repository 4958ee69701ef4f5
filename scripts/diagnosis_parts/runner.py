"""Runs jobs in forked processes of one thread each, and keeps every outcome as a line of a file as soon as it is
there: what was interrupted goes on."""

import json
import multiprocessing
import sys
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import track

from diagnosis_parts.jobs import Job, Outcome

CONSOLE = Console(highlight=False)


def read(path: Path) -> dict[str, Outcome]:
    """{key: outcome}; a line that was cut off by a kill is left out."""
    found: dict[str, Outcome] = {}
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            outcome = json.loads(line)
        except json.JSONDecodeError:
            continue
        found[outcome["key"]] = outcome
    return found


def known(jobs: Iterable[Job], path: Path) -> dict[str, Outcome]:
    """The outcomes of these jobs that are there, by key; those of other overrides, of a base that was changed since,
    do not count."""
    found = read(path)
    return {j.key: found[j.key] for j in jobs if found.get(j.key, {}).get("overrides") == list(j.overrides)}


def forget(path: Path, names: Collection[str] | None) -> None:
    """Drop the outcomes of these faults; None: all."""
    kept = {} if names is None else {key: o for key, o in read(path).items() if o["name"] not in names}
    if path.is_file():
        path.write_text("".join(json.dumps(outcome) + "\n" for outcome in kept.values()))


def run(
    jobs: Iterable[Job], path: Path, processes: int, one: Callable[[Job], Outcome], what: str
) -> dict[str, Outcome]:
    """The outcomes of all `jobs`, by key: those that are there, and the others."""
    wanted = {job.key: job for job in jobs}
    done = known(wanted.values(), path)
    missing = [job for key, job in wanted.items() if key not in done]
    path.parent.mkdir(parents=True, exist_ok=True)
    began = perf_counter()
    # Forked, since importing torch takes five seconds and reading the images as many.
    with (
        ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool,
        path.open("a") as file,
    ):
        waiting = [pool.submit(one, job) for job in missing]
        for future in track(
            as_completed(waiting),
            what,
            total=len(waiting),
            console=CONSOLE,
            disable=not sys.stdout.isatty() or not missing,
        ):
            outcome = future.result()
            done[outcome["key"]] = outcome
            file.write(json.dumps(outcome) + "\n")
            file.flush()
    if missing:
        spent = sum(done[job.key].get("seconds", 0.0) for job in missing)
        CONSOLE.print(
            f"{what}: {len(missing)} runs in {perf_counter() - began:.0f} s, {spent / len(missing):.1f} s each"
        )
    return {key: done[key] for key in wanted}
