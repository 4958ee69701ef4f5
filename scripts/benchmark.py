"""What cnnlab costs against a bare loop: the same network, batches and threads, taking turns in one process.

    make bench                     # or: python scripts/benchmark.py --steps 200 --rounds 7 --device cuda

a  bare      a loop over a device tensor, no logging at all
b  off       cnnlab's loop, telemetry=off
c  light     cnnlab's loop, telemetry=light (the default)
d  every     cnnlab's loop, the statistics of light at every step
Printed: the median over rounds of each one's time over that of (a) in the same round.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table

from cnnlab.app import register_resolvers
from cnnlab.compose import compose_jobs
from cnnlab.session import Session
from cnnlab.training.run import RunFolder

VARIANTS = {
    "off": ["telemetry=off"],
    "light": ["telemetry=light"],
    "every": ["telemetry=light", "telemetry.every=1"],
}


def session(folder: Path, args: argparse.Namespace, overrides: list[str]) -> Session:
    register_resolvers()
    common = [f"trainer.max_steps={args.steps}", f"trainer.batch_size={args.batch}", f"trainer.device={args.device}"]
    (job,) = compose_jobs("train", [*common, *args.overrides, *overrides]) or [None]
    return Session(job, RunFolder(folder), torch.device(args.device))


def bare(s: Session, steps: int) -> None:
    """The least that trains: the whole set on the device, normalized batch by batch."""
    images, labels = s.batches.images, s.batches.labels
    network, optimizer, size = s.network, s.trainer.optimizer, s.batches.batch_size
    mean, std = (torch.tensor(v, device=s.device).view(-1, 1, 1) for v in (s.data.mean, s.data.std))
    network.train()
    order = torch.randperm(len(labels), device=s.device)
    for step in range(steps):
        start = step * size % (len(labels) - size)
        index = order[start : start + size]
        x = images.index_select(0, index).float().mul_(1 / (255 * std)).sub_(mean / std)
        loss = F.cross_entropy(network(x), labels[index])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        s.trainer.scheduler.step()


def timed(run, device: str) -> float:
    began = perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400, help="training steps a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("overrides", nargs="*", help="of the network and data, e.g. dataset=mnist")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    times: dict[str, list[float]] = {"bare": [], **{name: [] for name in VARIANTS}}
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(args.rounds + 1):  # the first warms up and is not counted
            for name in times:
                s = session(Path(scratch) / f"{name}{turn}", args, VARIANTS.get(name, ["telemetry=off"]))
                job = (lambda s=s: bare(s, args.steps)) if name == "bare" else s.fit
                seconds = timed(job, args.device)
                if turn:
                    times[name].append(seconds)
    table = Table(title=f"{args.steps} steps of {args.batch}, {args.device}, {args.threads} threads")
    for heading in ("", "ms a step", "ratio to bare", "from .. to"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, seconds in times.items():
        ratios = [t / b for t, b in zip(seconds, times["bare"], strict=True)]
        step = f"{1000 * median(seconds) / args.steps:.3f}"
        table.add_row(name, step, f"{median(ratios):.3f}", f"{min(ratios):.3f} .. {max(ratios):.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
