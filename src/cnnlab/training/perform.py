"""What `python -m cnnlab.train` does with one job."""

from pathlib import Path
from typing import Any

from cnnlab.runs.request import Request
from cnnlab.training.checking import check
from cnnlab.training.repair import repair
from cnnlab.training.start import print_session, trained


def perform(config: Any, request: Request, folder: Path, pictures: bool, show: bool = True) -> dict[str, Any]:
    """Check, train, or train and repair, as configured, into `folder`; returns the contents of results.json.

    `pictures`: the value of telemetry.pictures=auto. `show`: also print the outcome.
    """
    if config.check is not None:
        return check(config, request, folder, pictures, show)
    session = trained(config, request, folder, pictures)
    if show:
        print_session(session)
    if config.repair:
        session.results |= repair(session, request, show)
        session.folder.write_results(session.results)
    return session.results
