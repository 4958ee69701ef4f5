"""`python -m cnnlab.dashboard [DIR...]`: TensorBoard on these runs, by default the newest, with their report."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.cli.entry import entry
from cnnlab.cli.folders import split_folders

if TYPE_CHECKING:
    from omegaconf import DictConfig

OUTPUTS = Path("outputs")


def task(folders: Sequence[Path], config: "DictConfig") -> None:
    from cnnlab.views.dashboard.show import show

    show(_meant(folders), config.port, config.open)


def check(folders: Sequence[Path], jobs: Sequence["DictConfig"]) -> None:
    from cnnlab.claims.find_runs import find
    from cnnlab.cli.resolvers import resolved
    from cnnlab.cli.schema import DASHBOARD_RULES
    from cnnlab.common.checks import check_rules

    for job in jobs:
        check_rules(resolved(job), DASHBOARD_RULES)
    find(_meant(folders))


def _meant(folders: Sequence[Path]) -> list[Path]:
    from cnnlab.claims.find_runs import newest

    return list(folders) or [newest(OUTPUTS)]


def main() -> None:
    folders, sys.argv[1:] = split_folders(sys.argv[1:])
    entry("dashboard", partial(task, folders), partial(check, folders))


if __name__ == "__main__":
    main()
