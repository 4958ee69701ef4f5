"""Runs every claim of configs/experiment, as far as its runs are not there, and judges them together.

make claims                                          all, into outputs/claims; writes docs/claims.{md,html}
make claims ARGS="--root data"                       where MNIST and CIFAR-10 lie, or are downloaded to
make claims ARGS="--cifar10 FOLDER"                  CIFAR-10 as pictures, FOLDER/{train,test}/<class>/*
make claims ARGS="--only he_suits_relu relu_matters"
make claims ARGS="--judge"                           only judges what is there
"""

import argparse
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

from rich.console import Console

from cnnlab.claims.stated import StatedClaim, stated_claims
from cnnlab.cli.resolvers import CONFIGS
from cnnlab.views.claims.documents import write_documents
from cnnlab.views.claims.verdict_look import LOOKS

EQUAL_ARMS = "equal_arms"
CONSOLE = Console(highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("outputs/claims"), help="of the sweeps")
    parser.add_argument("--root", help="dataset.root of MNIST and CIFAR-10")
    parser.add_argument("--cifar10", help="folder with CIFAR-10 as pictures")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="names of claims")
    parser.add_argument("--judge", action="store_true", help="run nothing")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where claims.md and claims.html go")
    args = parser.parse_args()
    claims = list(stated_claims(CONFIGS / "experiment"))
    experiments = {claim.name: images_of(claim, args.root, args.cifar10) for claim in claims} | {EQUAL_ARMS: []}
    if unknown := set(args.only) - set(experiments):
        sys.exit(f"--only {' '.join(unknown)}: no such claim. There are: {', '.join(experiments)}.")
    wanted = {} if args.judge else {name: experiments[name] for name in args.only or experiments}
    failed = run(wanted, args.folder)
    for entry in write_documents(claims, args.folder, EQUAL_ARMS, args.docs):
        look = LOOKS[entry.word]
        CONSOLE.print(f"[{look.style}]{look.sign} {entry.short}[/]: {entry.claim.sentence}")
    CONSOLE.print(f"{args.docs / 'claims.md'}, {args.docs / 'claims.html'}")
    if failed:
        sys.exit(f"Some runs did not finish: {', '.join(failed)}. The same command runs only what is missing.")


def run(experiments: Mapping[str, Sequence[str]], folder: Path) -> list[str]:
    """One sweep after the other; the names of those that did not finish."""
    began, failed = perf_counter(), []
    for i, (name, images) in enumerate(experiments.items(), start=1):
        CONSOLE.rule(f"{i} of {len(experiments)}: {name}, {(perf_counter() - began) / 60:.0f} minutes so far")
        overrides = ["-m", f"experiment={name}", *images, f"hydra.sweep.dir={folder / name}"]
        if _swept(overrides):
            failed.append(name)
    return failed


def _swept(overrides: Sequence[str]) -> int:
    """The sweep's exit code. What ends this script ends the sweep before."""
    with subprocess.Popen([sys.executable, "-m", "cnnlab.train", *overrides]) as sweep:

        def end(number: int, frame: object) -> None:
            sweep.send_signal(number)
            sys.exit(128 + number)

        signal.signal(signal.SIGTERM, end)
        return sweep.wait()


def images_of(claim: StatedClaim, root: str | None, cifar10: str | None) -> list[str]:
    """The overrides that say where a claim's images lie."""
    if claim.data == "cifar10" and cifar10:
        return ["dataset=image_folder", f"dataset.root={cifar10}"]
    return [f"dataset.root={root}"] if claim.data in ("mnist", "cifar10") and root else []


if __name__ == "__main__":
    main()
