"""What `python -m cnnlab.train` does with one job."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnlab.runs.reproducing import compare
from cnnlab.runs.request import Request
from cnnlab.runs.status import real_status
from cnnlab.training.checking import check, passed
from cnnlab.training.distributed import spread
from cnnlab.training.ranks import Ranks
from cnnlab.training.repair import repair
from cnnlab.training.start import print_session, trained
from cnnlab.views.reproduced import print_comparison

DIVERGED = 3


def perform(config: Any, request: Request, folder: Path, pictures: bool, show: bool = True) -> dict[str, Any]:
    """Check, train, or train and repair, as configured, into `folder`; returns the contents of results.json.

    `pictures`: the value of telemetry.pictures=auto. `show`: also print the outcome.
    """
    if config.check is not None:
        return check(config, request, folder, pictures, show)
    folder = Path(folder).absolute()
    return spread(_perform, config, request, folder, pictures, show, folder=folder, show=show) or {}


def _perform(
    config: Any, request: Request, folder: Path, pictures: bool, show: bool, ranks: Ranks
) -> dict[str, Any] | None:
    """None but in rank 0."""
    session = trained(config, request, folder, pictures, show, ranks)
    if ranks.rank:
        return None
    if show:
        print_session(session, config, request)
    if config.reproduce is not None:
        found = compare(Path(config.reproduce), session.folder.path)
        session.results |= {"reproduced": found.same}
        session.folder.write_results(session.results)
        if show:
            print_comparison(Path(config.reproduce), found)
    if config.repair:
        session.results |= repair(session, request, show)
        session.folder.write_results(session.results)
    return session.results


def exit_code(config: Any, results: Mapping[str, Any], folder: Path) -> int:
    """For scripts: 1 if a check did not pass or a run could not be reproduced, DIVERGED for a diverged run, else 0."""
    if config.check is not None:
        return int(not passed(results))
    if results.get("reproduced") is False:
        return 1
    return DIVERGED if real_status(folder)["status"] == "diverged" else 0
