"""A quick recipe for CIFAR-10, of configs alone, beside airbench on the same card and images."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench_parts.children import script
from bench_parts.settings import Settings, dataset, missing, peers_root

AIRBENCH = "airbench 0.1.8, `train94`"
RUNS = 5  # besides a first one, in which the GPU chooses its algorithms
EPOCHS = (10, 15, 20)
RECIPE = [
    *("model=quick", "init=whitening", "augmentation=flip_translate", "augmentation.translate=2"),
    *("optimizer.lr=1.5", "optimizer.momentum=0.85", "optimizer.weight_decay=0.0013", "trainer.batch_size=1024"),
    *("trainer.label_smoothing=0.2", "trainer.precision=bf16"),
]


def measure(settings: Settings) -> dict[str, Any]:
    """`--rounds` is the number of runs; `--steps` their length, in place of the epochs."""
    images = dataset("cifar10", settings)
    found: dict[str, Any] = {"rows": {}, "missing": [], "failed variants": {}}
    if images is None:
        return found | {"missing": [missing("cifar10", settings)]}
    runs = settings.rounds or RUNS
    lengths = [f"trainer.max_steps={settings.steps}"] if settings.steps else [f"trainer.epochs={n}" for n in EPOCHS]
    for length in lengths:
        print(f"  {length}", flush=True)
        found["rows"][f"cnnlab, {length.removeprefix('trainer.')}"] = _lab([*images, *RECIPE, length], runs, settings)
    print("  airbench", flush=True)
    called = script("with_airbench", str(peers_root("cifar10", settings)), str(runs))
    with TemporaryDirectory() as home:
        done = subprocess.run([sys.executable, *called], cwd=home, capture_output=True, text=True)
    if done.returncode:
        found["failed variants"][AIRBENCH] = done.stderr.strip().splitlines()[-1]
    else:
        found["rows"][AIRBENCH] = json.loads(done.stdout.splitlines()[-1])
    return found


def _lab(overrides: list[str], runs: int, settings: Settings) -> dict[str, list[float]]:
    """Of each run but the first: the training steps' time, that with validation and checkpoints, test accuracy."""
    with TemporaryDirectory() as folder:
        sweep = ["-m", f"seed=range({runs + 1})", "hydra/launcher=basic", f"hydra.sweep.dir={folder}/sweep"]
        fixed = ["dataset.validation=0.02", "telemetry.pictures=false", f"trainer.device={settings.device}"]
        call = [sys.executable, "-m", "cnnlab.train", *sweep, *fixed, *overrides]
        done = subprocess.run(call, env=dict(os.environ), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        # The same number of digits, so that their order is that of the seeds.
        results = [json.loads(path.read_text()) for path in sorted(Path(folder).glob("sweep/*/results.json"))]
    return {
        "seconds": [r["time/step_ms"] * r["train/steps"] / 1000 for r in results[1:]],
        "with files": [r["time/training_s"] for r in results[1:]],
        "accuracy": [r["test/accuracy"] for r in results[1:]],
    }
