"""`python -m cnnlab.report DIR...`: tables, figures and the answer of a sweep; or a list of all runs."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.cli.entry import entry
from cnnlab.cli.folders import split_folders

if TYPE_CHECKING:
    from omegaconf import DictConfig


def task(folders: Sequence[Path], config: "DictConfig") -> None:
    if _lists(folders, config):
        from cnnlab.views.run_list import list_runs

        list_runs(folders, clean=config.clean)
    else:
        from cnnlab.views.report.sweep_report import publish

        publish(*folders, metric=config.metric, output=Path(config.output) if config.output else None)


def check(folders: Sequence[Path], jobs: Sequence["DictConfig"]) -> None:
    from cnnlab.claims.find_runs import find
    from cnnlab.claims.study import check_study
    from cnnlab.cli.resolvers import resolved
    from cnnlab.cli.schema import REPORT_RULES
    from cnnlab.common.checks import check_rules

    for job in jobs:
        check_rules(resolved(job), REPORT_RULES)
        if _lists(folders, job):
            find(folders)
        else:
            check_study(folders, job.metric)


def _lists(folders: Sequence[Path], config: "DictConfig") -> bool:
    from cnnlab.claims.find_runs import is_one_experiment

    return config.clean or (not all(map(is_one_experiment, folders)) if config.list == "auto" else config.list)


def main() -> None:
    folders, sys.argv[1:] = split_folders(sys.argv[1:])
    folders = folders or [Path("outputs")]
    entry("report", partial(task, folders), partial(check, folders))


if __name__ == "__main__":
    main()
