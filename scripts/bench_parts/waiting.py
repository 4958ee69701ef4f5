"""How the threads of a parallel region wait for each other, on an idle machine and beside a program that keeps every
core at work. OpenMP reads its settings when torch is imported, so each is a process of its own; cnnlab looks when it is
started what else is at work, so one is started beside it."""

import os
from collections.abc import Mapping
from time import sleep
from typing import Any

from bench_parts.children import Busy, Child, script, started
from bench_parts.settings import Settings

STEPS, ROUNDS, WARM_UP, UNTIMED = 30, 7, 20, 2
TARGET = 2.5  # busy over idle, at most
OWN, LATER = "cnnlab's own default", "cnnlab's, busy only after its start"
NO_THREADS: dict[str, str | None] = {"OMP_NUM_THREADS": None}  # as where nobody chose them
LASTING = 60.0  # seconds of work until a machine counts as busy
# Of the same shape, and so many that no epoch ends in the middle of a turn but one.
IMAGES = ["dataset=noise", "dataset.channels=1", "dataset.size=28", "dataset.images=20000"]
DEFAULT = "OpenMP's default"
ENVIRONMENTS = {
    DEFAULT: {},
    "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"},
    "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000"},
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
}


def measure(settings: Settings) -> dict[str, Any]:
    steps, rounds = settings.of(STEPS, ROUNDS)
    planned = 4 * (WARM_UP + steps * rounds)
    plain = script("plain", "--data", "random", "--network", "stacked3x3", "--steps", str(planned))
    lab = script("lab", *IMAGES, f"trainer.max_steps={planned}", "trainer.device=cpu", "telemetry=off")
    threads = {"OMP_NUM_THREADS": str(settings.threads)}
    commands: dict[str, Any] = {name: (plain, own | threads) for name, own in ENVIRONMENTS.items()} | {
        LATER: (lab, NO_THREADS)
    }
    failed: dict[str, str] = {}
    found: dict[str, Any] = {"steps": steps, "rounds": rounds, "idle": {}, "busy": {}, "failed variants": failed}
    busy = Busy(os.cpu_count() or 1)
    try:
        with started(commands, failed) as children:
            with busy.at_work():
                print(f"  {LASTING:.0f} s of work before {OWN} starts", flush=True)
                sleep(LASTING)
                beside = Child(lab, NO_THREADS)
            try:
                _take_turns({**children, OWN: beside}, busy, found)
            finally:
                beside.close()
    finally:
        busy.close()
    return found


def _take_turns(children: Mapping[str, Child], busy: Busy, found: dict[str, Any]) -> None:
    for child in children.values():
        child.turn(WARM_UP)
    for number in range(found["rounds"]):
        print(f"  round {number + 1} of {found['rounds']}", flush=True)
        for name, child in children.items():
            idle = children[LATER] if name == OWN else child
            found["idle"].setdefault(name, []).append(idle.turn(found["steps"], UNTIMED) / found["steps"])
            with busy.at_work():
                found["busy"].setdefault(name, []).append(child.turn(found["steps"], UNTIMED) / found["steps"])
