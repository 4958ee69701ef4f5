"""Wall time of a sweep with cnnlab's sweeper and launcher, and with Hydra's basic and joblib launchers.

make bench-sweep                          12 runs on digits, on all cores
make bench-sweep ARGS="--rounds 3"        the three take turns, three times
make bench-sweep ARGS="trainer.epochs=4"  with other settings; 36 epochs otherwise, about 26 s a run

Ideal is the runs' own training time (time/training_s of results.json) over the cores. Besides, on Linux: the time from
the start of a job's process until its run asks for its images.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from joblib import cpu_count
from rich.console import Console
from rich.table import Table

SEEDS = ",".join(map(str, range(12)))
STOCK = ["hydra/sweeper=basic"]
# Hydra's basic launcher runs one job after the other in one process, which may use all cores.
VARIANTS = {
    "cnnlab": ([], 1),
    "hydra/launcher=joblib": ([*STOCK, "hydra/launcher=joblib", f"hydra.launcher.n_jobs={cpu_count()}"], 1),
    "hydra/launcher=basic": ([*STOCK, "hydra/launcher=basic"], cpu_count()),
}


def seconds(overrides: list[str], threads: int, settings: list[str]) -> tuple[float, float]:
    """(wall time of the whole command, training time of its runs over the cores they used)."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cnnlab.train", "-m", f"seed={SEEDS}", *overrides, *settings]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        began = perf_counter()
        subprocess.run(
            [*command, f"hydra.sweep.dir={folder}/sweep"], env=environment, check=True, capture_output=True, cwd=folder
        )
        wall = perf_counter() - began
        results = [json.loads(path.read_text()) for path in Path(folder).glob("sweep/*/results.json")]
    if len(results) != 12:
        raise SystemExit(f"{len(results)} of 12 runs left results: this time means nothing.")
    at_once = cpu_count() // threads
    return wall, sum(result["time/training_s"] for result in results) / at_once


CLOCKED = """
import os, time
from cnnlab.datasets.digits import digits
def clocked(**settings):
    ticks = int(open("/proc/self/stat").read().rpartition(")")[2].split()[19])
    print("since start:", time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"), flush=True)
    return digits(**settings)
"""


def start_ms() -> float:
    """Median over eight jobs, one at a time."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mine" / "dataset").mkdir(parents=True)
        (Path(folder) / "mine" / "clocked.py").write_text(CLOCKED)
        (Path(folder) / "mine" / "dataset" / "clocked.yaml").write_text("_target_: clocked.clocked\nsize: 8\n")
        settings = ["--config-dir", "mine", "dataset=clocked", "trainer.max_steps=0", "telemetry=off", "seed=range(8)"]
        command = [sys.executable, "-m", "cnnlab.train", "-m", *settings, "hydra.launcher.jobs=1"]
        subprocess.run([*command, "hydra.sweep.dir=s"], check=True, capture_output=True, cwd=folder)
        lines = [line for log in Path(folder).glob("s/*/train.log") for line in log.read_text().splitlines()]
        return 1000 * median(float(line.split(":")[1]) for line in lines if line.startswith("since start:"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("settings", nargs="*", help="overrides of cnnlab.train", default=["trainer.epochs=36"])
    args = parser.parse_args()
    times = {name: [] for name in VARIANTS}
    for _ in range(args.rounds):
        for name, (overrides, threads) in VARIANTS.items():
            times[name].append(seconds(overrides, threads, args.settings))
    title = f"12 runs, {cpu_count()} cores, {args.rounds} round(s)"
    table = Table("", "wall, s", "ideal, s", "wall / ideal", "wall / cnnlab's", title=title, min_width=80)
    for name, found in times.items():
        over_ideal = median(wall / ideal for wall, ideal in found)
        over_lab = median(wall / lab for (wall, _), (lab, _) in zip(found, times["cnnlab"], strict=True))
        wall, ideal = (median(column) for column in zip(*found, strict=True))
        table.add_row(name, f"{wall:.1f}", f"{ideal:.1f}", f"{over_ideal:.3f}", f"{over_lab:.3f}")
    Console().print(table)
    if sys.platform == "linux":
        print(f"start of a job: {start_ms():.0f} ms")


if __name__ == "__main__":
    main()
