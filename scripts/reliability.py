"""What happens to a run that is killed, and to what it wrote: kills at random moments, each resumed and compared.

make reliability                       all, 12 minutes on two free cores; writes docs/reliability.md
make reliability ARGS="--kills 5"      fewer kills of each kind and no other faults, printed only
"""

import argparse
import tempfile
from pathlib import Path

from reliability_parts.faults import FAULTS
from reliability_parts.kills import KINDS, Outcome, kill
from reliability_parts.page import page, summary
from reliability_parts.runs import SETUPS, pictures, reference

KILLS, TERMS = 50, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, help=f"by SIGKILL, and as many by SIGTERM; else {KILLS} and {TERMS}")
    parser.add_argument("--page", type=Path, default=Path("docs/reliability.md"))
    args = parser.parse_args()
    counts = dict.fromkeys(KINDS, args.kills) if args.kills else {"SIGKILL": KILLS, "SIGTERM": TERMS}
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        pictures(home / "pictures")
        references = {name: reference(name, home) for name in list(SETUPS)[: max(counts.values())]}
        outcomes: list[Outcome] = []
        for kind, count in counts.items():
            for number in range(count):
                outcomes.append(kill(kind, number, home, references))
                print(outcomes[-1], flush=True)
        tried = {} if args.kills else FAULTS
        faults = [(name, fault(home / f"fault {i}")) for i, (name, fault) in enumerate(tried.items())]
    print(summary(outcomes, faults))
    if args.kills is None:
        args.page.write_text(page(outcomes, faults))
        print(args.page)


if __name__ == "__main__":
    main()
