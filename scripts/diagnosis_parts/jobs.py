"""Which runs there are: baselines, healthy ones, faults and repairs. All of it is decided before anything runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from diagnosis_parts.bases import BASES, Base, which
from diagnosis_parts.fault import Fault, typed
from diagnosis_parts.faults import FAULTS, set_of
from diagnosis_parts.healthy import BASELINES, healthy

CONFIGS = Path(__file__).resolve().parents[1] / "faulty"
RUNS_PER_FAULT = (2, 2, 2, 3)

Folders = Mapping[str, str]  # {data set: where its images are}
Outcome = dict[str, Any]  # one JSON line


@dataclass(frozen=True)
class Job:
    """`what`: baseline, healthy, fault or repair. `name`: of the fault, or the settings of a healthy run."""

    what: str
    set_name: str
    name: str
    base: str
    seed: int
    overrides: tuple[str, ...]
    repair: str = ""

    @property
    def key(self) -> str:
        return " | ".join((self.what, self.name, self.base, str(self.seed), *filter(None, [self.repair])))


def baselines(folders: Folders) -> list[Job]:
    return [_healthy("baseline", "baseline", *row, folders) for row in BASELINES]


def jobs(set_name: str, folders: Folders) -> list[Job]:
    """Healthy and faulty runs of one set, in mixed order, so that the time left can be told."""
    found = [_healthy("healthy", set_name, *row, folders) for row in healthy(set_name)]
    for fault in FAULTS.values():
        if set_of(fault) == set_name:
            found += [job(fault.name, base, seed, folders) for base, seed in places(fault.name)]
    Random(0).shuffle(found)
    return found


def part(jobs: Sequence[Job], one_in: int) -> list[Job]:
    """The runs of one kind of fault in so many, drawn at random, and one healthy run in so many."""
    kinds = [name for name in FAULTS if any(job.name == name for job in jobs)]
    chosen = set(Random(one_in).sample(kinds, len(kinds) // one_in))
    healthy = [job for job in jobs if job.what == "healthy"]
    return [job for job in jobs if job.name in chosen] + healthy[::one_in]


def places(name: str) -> Sequence[tuple[Base, int]]:
    """Two or three bases, drawn among those where the fault makes sense, with a seed each. A fault for which there is
    one base gets two seeds."""
    draw, possible = Random(f"{name} in a base"), which(FAULTS[name].where)
    count = min(draw.choice(RUNS_PER_FAULT), max(2, len(possible)))
    chosen = draw.sample(possible, count) if len(possible) >= count else possible * count
    return [(base, 1000 + draw.randrange(9000)) for base in chosen[:count]]


def job(name: str, base: Base, seed: int, folders: Folders) -> Job:
    fault = FAULTS[name]
    return Job("fault", set_of(fault), name, base.name, seed, (*typed(base, folders, fault), f"seed={seed}"))


def repair(outcome: Outcome, override: str, folders: Folders) -> Job:
    """The same run with what the first finding said to try."""
    fault, base, seed = FAULTS[outcome["name"]], BASES[outcome["base"]], outcome["seed"]
    overrides = (*typed(base, folders, fault, *override.split()), f"seed={seed}")
    return Job("repair", set_of(fault), fault.name, base.name, seed, overrides, override)


def _healthy(what: str, set_name: str, base: Base, settings: str, seed: int, folders: Folders) -> Job:
    overrides = typed(base, folders, Fault("", settings, tuple(settings.split()), (), ""))
    return Job(what, set_name, settings, base.name, seed, (*overrides, f"seed={seed}"))


def only(jobs: Iterable[Job], names: Sequence[str] | None) -> list[Job]:
    return [job for job in jobs if names is None or job.name in names]
