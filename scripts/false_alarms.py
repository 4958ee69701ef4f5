"""How often the report calls two groups of one arm different: it must not in more than 5 % of cases.

make test-aa                                  60 runs on digits, then 2,000 pairs of disjoint groups of 6
make test-aa ARGS="--folder outputs/aa"       keeps the runs there, and uses those that are there
"""

import argparse
import logging
import sys
import tempfile
from pathlib import Path

import numpy as np
from rich.progress import track

from cnnlab.claims.differences import ALPHA, differences
from cnnlab.claims.experiment import load
from cnnlab.claims.groups import Group
from cnnlab.claims.metric import Metric

ARM = ("model=stacked3x3", "model.channels=[8,16]", "dataset=digits", "trainer.epochs=4", "telemetry=off")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=6, help="of each of the two groups")
    parser.add_argument("--pairs", type=int, default=2000, help="how often two groups are drawn")
    parser.add_argument("--folder", type=Path, help="of the runs; by default a temporary one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        train_missing(folder, args.runs)
        accuracies, alarms = compare(folder, args.runs, args.seeds, args.pairs)
    rate = alarms / args.pairs
    print(f"{args.runs} runs of {' '.join(ARM)}")
    print(f"test accuracy {100 * accuracies.mean():.2f} %, sd {100 * accuracies.std(ddof=1):.2f} points")
    print(f"{args.pairs:,} pairs of {args.seeds} and {args.seeds} seeds: {alarms} called different, {rate:.2%}")
    sys.exit(f"more than {ALPHA:.0%}" if rate > ALPHA else 0)


def train_missing(folder: Path, runs: int) -> None:
    from cnnlab.train import run

    logging.getLogger("cnnlab").setLevel(logging.ERROR)
    missing = [seed for seed in range(runs) if not (folder / f"seed={seed}" / "results.json").is_file()]
    for seed in track(missing, "training", disable=not sys.stdout.isatty()):
        run(*ARM, f"seed={seed}", folder=folder / f"seed={seed}")


def compare(folder: Path, runs: int, seeds: int, pairs: int) -> tuple[np.ndarray, int]:
    """Every run's accuracy, and how many of `pairs` random pairs of disjoint groups the report would call different."""
    found, metric, draws = load([folder]).measured[:runs], Metric(), np.random.default_rng(0)
    alarms = 0
    for _ in range(pairs):
        drawn = [found[i] for i in draws.choice(len(found), 2 * seeds, replace=False)]
        groups = [Group(name, {}, metric, tuple(drawn[i::2])) for i, name in enumerate(("first", "second"))]
        alarms += differences(groups)[0].is_real
    return Group("all", {}, metric, tuple(found)).values, alarms


if __name__ == "__main__":
    main()
