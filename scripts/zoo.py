"""What cnnlab says of published networks and of odd modules, against second methods: writes docs/zoo.md.

make zoo                                        all networks, four minutes on one core
make zoo ARGS="--only resnet18 'weight norm'"   some, printed only
"""

import argparse
import logging
import sys
import warnings
from pathlib import Path
from time import perf_counter

import torch

from zoo_parts.checks import TOO_FAR, check
from zoo_parts.networks import PUBLISHED
from zoo_parts.odd import ODD
from zoo_parts.table import page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NETWORK", help="print these networks, write nothing")
    parser.add_argument("--page", type=Path, default=Path("docs/zoo.md"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # the networks' own
    logging.disable(logging.WARNING)
    groups = {"Published networks": PUBLISHED, "Small odd modules": ODD}
    if unknown := set(args.only or ()) - {name for group in groups.values() for name in group}:
        sys.exit(f"No such network: {', '.join(sorted(unknown))}.")
    found, began = {}, perf_counter()
    for title, specimens in groups.items():
        found[title] = {}
        for name, specimen in specimens.items():
            if args.only is None or name in args.only:
                found[title][name] = check(specimen)
                wrong = [column for column, cell in found[title][name].items() if cell.kind == "wrong"]
                print(f"{perf_counter() - began:4.0f} s  {name}", *(f"WRONG: {column}" for column in wrong), flush=True)
    text = page({title: rows for title, rows in found.items() if rows}, TOO_FAR)
    if args.only:
        print(text)
    else:
        args.page.write_text(text)


if __name__ == "__main__":
    main()
