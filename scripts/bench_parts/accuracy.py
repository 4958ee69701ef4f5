"""What bf16 costs in accuracy: a sweep of cnnlab's, with its own interval."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench_parts.settings import Settings, dataset, missing

EPOCHS, SEEDS = 3, 6


def measure(settings: Settings) -> dict[str, Any]:
    """`--rounds` is the number of seeds. The sweep's folder is kept: the same command goes on where it was stopped."""
    images = dataset("mnist", settings)
    if images is None:
        return {"text": None, "missing": [missing("mnist", settings)]}
    seeds = ",".join(map(str, range(settings.rounds or SEEDS)))
    length = [f"trainer.max_steps={settings.steps}"] if settings.steps else [f"trainer.epochs={EPOCHS}"]
    shown = ["-m", "trainer.precision=fp32,bf16", f"seed={seeds}", "dataset=mnist", *length]
    place = settings.folder.absolute() / f"accuracy,{length[0]},{len(seeds)}"
    given = [*shown, *images[1:], f'hydra.sweep.dir="{place}"', f"trainer.device={settings.device}"]
    # Threads are left to the sweep, which runs several trainings at once.
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    call = [sys.executable, "-m", "cnnlab.train", *given]
    done = subprocess.run(call, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    command = " ".join(["python -m cnnlab.train", *shown])
    return {"command": command, "text": _elsewhere(done.stdout, place), "missing": []}


def _elsewhere(text: str, place: Path) -> str:
    """As without the folder that was given beside the command."""
    return text.replace(os.path.relpath(place), "outputs/sweeps/...").replace(str(place), "outputs/sweeps/...")
