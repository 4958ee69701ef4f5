"""How often cnnlab's diagnosis is right: known faults in networks that train well, and runs without one.

make diagnosis-bench                                  all, 25 minutes on two cores; writes docs/diagnosis.md
make diagnosis-bench ARGS="--half dev"                only the half with which the rules were made
make diagnosis-bench ARGS="--root data"               where MNIST and CIFAR-10 lie, or are downloaded to
make diagnosis-bench ARGS="--cifar10 FOLDER"          CIFAR-10 as pictures, FOLDER/{train,test}/<class>/*
make diagnosis-bench ARGS="--only 'rate x30'"         some faults, printed only
make diagnosis-bench ARGS="--list"                    the faults, and runs nothing
"""

import argparse
import sys
from pathlib import Path

from diagnosis_parts.faults import FAULTS, HALVES, half_of
from diagnosis_parts.jobs import CONFIGS, baselines, jobs, only, repair


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=(*HALVES, "both"), default="both")
    parser.add_argument("--root", default="data", help="dataset.root of MNIST and CIFAR-10")
    parser.add_argument("--cifar10", help="folder with CIFAR-10 as pictures")
    parser.add_argument("--only", nargs="+", metavar="FAULT", help="run and print these faults, write no page")
    parser.add_argument("--list", action="store_true", help="print the faults")
    parser.add_argument("--again", action="store_true", help="forget the outcomes that are there")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("outputs/diagnosis"), help="of the outcomes")
    parser.add_argument("--page", type=Path, default=Path("docs/diagnosis.md"))
    args = parser.parse_args()
    if args.list:
        for fault in FAULTS.values():
            print(f"{half_of(fault):5} {fault.family:15} {fault.name:40} {' '.join(fault.causes)}")
        return
    if unknown := set(args.only or ()) - set(FAULTS):
        sys.exit(f"--only {', '.join(sorted(unknown))}: no such fault. --list lists them.")
    folders = {"mnist": args.root, "cifar10": args.cifar10 or args.root}
    halves = HALVES if args.half == "both" else [args.half]

    sys.path.insert(0, str(CONFIGS))  # the processes find there what the configs name
    from diagnosis_parts.one_run import outcome, to_try
    from diagnosis_parts.runner import run
    from diagnosis_parts.scores import is_harmful, mean_accuracies, place, scores

    read_images(folders)
    known = run(baselines(folders), args.folder / "baseline.jsonl", args.processes, outcome, "baselines")
    accuracies = mean_accuracies(known.values())
    for half in halves:
        path = args.folder / f"{half}.jsonl"
        found = run(only(jobs(half, folders), args.only), path, args.processes, outcome, half, args.again)
        harmful = [
            o for o in found.values() if o["what"] == "fault" and "failed" not in o and is_harmful(o, accuracies)
        ]
        tries = [
            repair(o, override, folders)
            for o in harmful
            if FAULTS[o["name"]].reachable and (override := to_try(o)) is not None
        ]
        repaired = run(tries, path, args.processes, outcome, f"{half}, repairs", args.again)
        print(half, scores(list(found.values()), {place(o): o for o in repaired.values()}, accuracies))


def read_images(folders: dict[str, str]) -> None:
    """Before the processes are forked, which then share them."""
    from cnnlab.cli.build import build_data
    from cnnlab.cli.compose import compose_run
    from diagnosis_parts.bases import BASES

    for base in BASES.values():
        build_data(compose_run("train", base.overrides(folders), CONFIGS)[0].dataset)


if __name__ == "__main__":
    main()
