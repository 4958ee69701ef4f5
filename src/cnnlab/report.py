"""`python -m cnnlab.report DIR...`: tables, figures and the answer of a sweep; or a list of all runs."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.cli.entry import entry
from cnnlab.cli.folders import check_can_be_made, split_folders

if TYPE_CHECKING:
    from omegaconf import DictConfig


def task(folders: Sequence[Path], config: "DictConfig", read: Any = None) -> None:
    """`read`: the runs, if the check read them."""
    if _lists(folders, config):
        from cnnlab.views.run_list import list_runs

        list_runs(folders, clean=config.clean)
    else:
        from cnnlab.views.report.sweep_report import publish

        publish(*folders, metric=config.metric, output=config.output and Path(config.output), experiment=read)


def check(folders: Sequence[Path], jobs: Sequence["DictConfig"]) -> Any:
    from cnnlab.claims.find_runs import check_there, find
    from cnnlab.cli.resolvers import resolved
    from cnnlab.cli.schema import REPORT_RULES
    from cnnlab.common.checks import check_rules

    for job in jobs:
        check_rules(resolved(job), REPORT_RULES)
        if job.output is not None:
            check_can_be_made(Path(job.output), "output")
    check_there(folders)

    from cnnlab.claims.study import check_study  # pandas and scipy, which the mistakes above need not wait for

    read = [find(folders) if _lists(folders, job) else check_study(folders, job.metric) for job in jobs]
    return read[-1]


def _lists(folders: Sequence[Path], config: "DictConfig") -> bool:
    from cnnlab.claims.find_runs import is_one_experiment

    return config.clean or (not all(map(is_one_experiment, folders)) if config.list == "auto" else config.list)


def main() -> None:
    folders, sys.argv[1:] = split_folders(sys.argv[1:])
    folders = folders or [Path("outputs")]
    entry("report", partial(task, folders), partial(check, folders))


if __name__ == "__main__":
    main()
