"""Overhead of cnnlab over a bare loop, as ratios measured side by side in one process.

make bench                                             the default network and a VGG on digits, on the CPU
make bench ARGS="--rounds 7 model=single5x5"           another network
make bench ARGS="trainer.device=cuda dataset=cifar10"  on a GPU
"""

import argparse
import logging
from statistics import median

import torch
from rich.console import Console
from rich.table import Table

from cnnlab.training.benchmark import ratios, take_turns

# A small network whose steps are mostly overhead, and one of ordinary size.
NETWORKS = ("model=stacked3x3", "model=vgg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100, help="training steps of each variant per round")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("overrides", nargs="*", help="overrides of cnnlab.train")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    logging.getLogger("cnnlab").setLevel(logging.ERROR)  # no diagnosis of runs that are only timed
    networks = [o for o in args.overrides if o.startswith("model=")] or NETWORKS
    for network in networks:
        times = take_turns([*args.overrides, network], args.steps, args.rounds)
        title = f"{network}, {args.rounds} x {args.steps} steps, {args.threads} threads, torch {torch.__version__}"
        table = Table("", "ms per step", "ratio to bare", "from .. to", title=title, min_width=len(title))
        for name, (middle, low, high) in ratios(times).items():
            step = 1000 * median(times[name]) / args.steps
            table.add_row(name, f"{step:.3f}", f"{middle:.3f}", f"{low:.3f} .. {high:.3f}")
        Console().print(table)


if __name__ == "__main__":
    main()
