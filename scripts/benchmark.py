"""What cnnlab costs, beside a bare loop, a plain PyTorch script, Lightning and fastai; writes docs/benchmarks.md.

make bench                                            all parts but accuracy; on two idle cores, 25 minutes
make bench ARGS="--root data"                         where MNIST and CIFAR-10 lie; nothing is downloaded
make bench ARGS="--cifar10 FOLDER"                    CIFAR-10 as pictures, FOLDER/{train,test}/<class>/*
make bench ARGS="--part loop peers"                   some parts; the page keeps what was measured of the others
make bench ARGS="--part accuracy"                     12 trainings on MNIST, with fp32 and bf16
make bench ARGS="--steps 4 --rounds 1 --page x.md"    quickly, to see that it works
make bench ARGS="--device cuda"                       the same tables on a GPU
make bench ARGS="--part"                              measures nothing, writes the page again

Nothing else should run on the machine: a part beside which other programs ran says so, and is not quoted.
"""

import argparse
import os
from pathlib import Path

from bench_parts.page import page
from bench_parts.parts import BY_DEFAULT, PARTS, measure_apart, read
from bench_parts.plot import draw
from bench_parts.settings import Settings
from bench_parts.short import short


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="*", choices=PARTS, default=BY_DEFAULT, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--root", type=Path, default=Path("data"), help="dataset.root of MNIST and CIFAR-10")
    parser.add_argument("--cifar10", type=Path, help="folder with CIFAR-10 as pictures")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--steps", type=int, help="of each variant in a round, in place of the part's")
    parser.add_argument("--rounds", type=int, help="in place of the part's")
    parser.add_argument("--folder", type=Path, default=Path("outputs/bench"), help="of what was measured")
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"), help="the plot lies beside it")
    args = parser.parse_args()
    settings = Settings(
        args.root, args.cifar10, args.folder, args.threads, args.device, steps=args.steps, rounds=args.rounds
    )
    failed = [name for name in args.part if not measure_apart(name, settings)]
    found = read(args.folder)
    draw(found, args.page.with_suffix(".png"))
    args.page.write_text(page(found, args.page.with_suffix(".png").name))
    print(*short(found), f"{args.page}, {args.page.with_suffix('.png')}", sep="\n")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}; the page says why")


if __name__ == "__main__":
    main()
