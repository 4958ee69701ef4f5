"""What `python -m cnnlab.train` does with one job."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnlab.cli.parts import Parts
from cnnlab.common.threads import computing_with
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


def perform(
    config: Any,
    request: Request,
    folder: Path,
    pictures: bool,
    show: bool = True,
    parts: Parts | None = None,
    began: float | None = None,
) -> dict[str, Any]:
    """Check, train, or train and repair, as configured, into `folder`; returns the contents of results.json.

    `pictures`: the value of telemetry.pictures=auto. `show`: also print the outcome. `parts`: what the check before the
    run made of this config. `began`: by `perf_counter`, when the command did; None leaves out `time/start_s`.
    """
    with computing_with(config.trainer.threads):
        if config.check is not None:
            return check(config, request, folder, pictures, show, parts)
        folder = Path(folder).absolute()
        kept = parts if config.trainer.devices == 1 else None  # other processes make their own
        arguments = (config, request, folder, pictures, show, kept, began)
        return spread(_perform, *arguments, folder=folder, show=show) or {}


def _perform(
    config: Any,
    request: Request,
    folder: Path,
    pictures: bool,
    show: bool,
    parts: Parts | None,
    began: float | None,
    ranks: Ranks,
) -> dict[str, Any] | None:
    """None but in rank 0."""
    session = trained(config, request, folder, pictures, show, parts, began, ranks)
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
