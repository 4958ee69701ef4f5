"""What cnnlab costs against a bare loop, as ratios measured side by side in one run.

make bench                                             the default network on digits, on the CPU
make bench ARGS="--rounds 7 dataset=mnist"             real images
make bench ARGS="trainer.device=cuda dataset=cifar10"  on a GPU
"""

import argparse
import logging
from statistics import median

import torch
from rich.console import Console
from rich.table import Table

from cnnlab.benchmark import ratios, take_turns

# Few validation images, since digits has short epochs and the bare loop validates nothing.
DEFAULTS = ["dataset.validation=0.01", "trainer.batch_size=128"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400, help="training steps a turn")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each variant that count")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("overrides", nargs="*", help="as for cnnlab.train")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    logging.getLogger("cnnlab").setLevel(logging.ERROR)  # diagnoses of runs that are only timed
    times = take_turns([*DEFAULTS, f"trainer.max_steps={args.steps}", *args.overrides], args.rounds)
    title = f"{args.steps} steps, {args.rounds} rounds, torch {torch.__version__}, {args.threads} threads"
    table = Table("", "ms a step", "ratio to bare", "from .. to", title=title)
    for name, (middle, low, high) in ratios(times).items():
        step = 1000 * median(times[name]) / args.steps
        table.add_row(name, f"{step:.3f}", f"{middle:.3f}", f"{low:.3f} .. {high:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
