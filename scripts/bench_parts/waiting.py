"""How the threads of a parallel region wait for each other, on an idle machine and beside a program that keeps every
core at work. OpenMP reads its settings when torch is imported, so each is a process of its own."""

import os
from typing import Any

from bench_parts.children import Busy, script, started
from bench_parts.settings import Settings

STEPS, ROUNDS, WARM_UP, UNTIMED = 10, 7, 20, 2
TARGET = 2.5  # busy over idle, at most
OWN = "cnnlab's own default"
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
    commands = {name: (plain, own | threads) for name, own in ENVIRONMENTS.items()} | {OWN: (lab, threads)}
    failed: dict[str, str] = {}
    found: dict[str, Any] = {"steps": steps, "rounds": rounds, "idle": {}, "busy": {}, "failed variants": failed}
    busy = Busy(os.cpu_count() or 1)
    try:
        with started(commands, failed) as children:
            for child in children.values():
                child.turn(WARM_UP)
            for number in range(rounds):
                print(f"  round {number + 1} of {rounds}", flush=True)
                for name, child in children.items():
                    found["idle"].setdefault(name, []).append(child.turn(steps, UNTIMED) / steps)
                    with busy.at_work():
                        found["busy"].setdefault(name, []).append(child.turn(steps, UNTIMED) / steps)
    finally:
        busy.close()
    return found
