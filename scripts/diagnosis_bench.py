"""How often cnnlab's diagnosis is right: known faults in networks that train well, and runs without one.

make diagnosis-bench                                  all, an hour on two free cores; writes docs/diagnosis.md
make diagnosis-bench ARGS="--part 8"                  of dev a random eighth of the faults, as on the page
make diagnosis-bench ARGS="--set dev"                 only the set with which the rules were made; or once, or rare
make diagnosis-bench ARGS="--root data"               where MNIST and CIFAR-10 lie, or are downloaded to
make diagnosis-bench ARGS="--cifar10 FOLDER"          CIFAR-10 as pictures, FOLDER/{train,test}/<class>/*
make diagnosis-bench ARGS="--only 'rate x30'"         some faults, printed only
make diagnosis-bench ARGS="--others"                  torchmortem and torch-audit on the same runs, too
make diagnosis-bench ARGS="--list"                    the faults, and runs nothing
"""

import argparse
import sys
from pathlib import Path

from diagnosis_parts.faults import FAULTS, SETS, set_of
from diagnosis_parts.jobs import CONFIGS, baselines, jobs, only, part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="set_name", choices=(*SETS, "all"), default="all", help="the set of faults")
    parser.add_argument("--root", default="data", help="dataset.root of MNIST and CIFAR-10")
    parser.add_argument("--cifar10", help="folder with CIFAR-10 as pictures")
    parser.add_argument("--only", nargs="+", metavar="FAULT", help="run and print these faults, write no page")
    parser.add_argument("--part", type=int, default=1, metavar="N", help="of dev one fault and one healthy run in N")
    parser.add_argument("--list", action="store_true", help="print the faults")
    parser.add_argument("--again", action="store_true", help="forget the outcomes that are there")
    parser.add_argument("--others", action="store_true", help="torchmortem and torch-audit on the same runs, too")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("outputs/diagnosis"), help="of the outcomes")
    parser.add_argument("--page", type=Path, default=Path("docs/diagnosis.md"))
    args = parser.parse_args()
    if args.list:
        for fault in FAULTS.values():
            print(f"{set_of(fault):5} {fault.family:15} {fault.name:40} {' '.join(fault.causes)}")
        return
    if unknown := set(args.only or ()) - set(FAULTS):
        sys.exit(f"--only {', '.join(sorted(unknown))}: no such fault. --list lists them.")
    folders = {"mnist": args.root, "cifar10": args.cifar10 or args.root}
    chosen = SETS if args.set_name == "all" else [args.set_name]

    sys.path.insert(0, str(CONFIGS))  # the processes find there what the configs name
    from diagnosis_parts import others
    from diagnosis_parts.measured import measured, repairs_of
    from diagnosis_parts.one_run import outcome
    from diagnosis_parts.page import page, summary
    from diagnosis_parts.runner import forget, run
    from diagnosis_parts.scores import mean_accuracies

    if args.others and not others.installed():
        sys.exit("--others needs torchmortem and torch-audit: make diagnosis-bench installs them.")
    read_images(folders)
    plain = run(baselines(folders), args.folder / "baseline.jsonl", args.processes, outcome, "baselines")
    accuracies = mean_accuracies(plain.values())
    for set_name in chosen:
        path, beside = args.folder / f"{set_name}.jsonl", args.folder / f"{set_name}-others.jsonl"
        wanted = only(part(jobs(set_name, folders), args.part if set_name == "dev" else 1), args.only)
        if args.again:
            forget(path, args.only)
        found = run(wanted, path, args.processes, outcome, set_name)
        run(
            repairs_of(list(found.values()), accuracies, folders), path, args.processes, outcome, f"{set_name}, repairs"
        )
        if args.others:
            ran = [job for job in wanted if "accuracy" in found[job.key]]
            run(ran, beside, args.processes, others.alarms, f"{set_name}, others")
    sets = [measured(set_name, args.folder, folders) for set_name in SETS]
    print(summary(sets))
    if args.only is None:
        args.page.write_text(page(sets))
        print(args.page)


def read_images(folders: dict[str, str]) -> None:
    """Before the processes are forked, which then share them."""
    from cnnlab.cli.build import build_data
    from cnnlab.cli.compose import compose_run
    from diagnosis_parts.bases import BASES

    for base in BASES.values():
        build_data(compose_run("train", base.overrides(folders), CONFIGS)[0].dataset)


if __name__ == "__main__":
    main()
