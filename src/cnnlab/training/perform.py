"""What `python -m cnnlab.train` does with one job."""

from pathlib import Path
from typing import Any

from cnnlab.runs.request import Request
from cnnlab.training.checking import check
from cnnlab.training.start import train


def perform(config: Any, request: Request, folder: Path, pictures: bool, show: bool = True) -> dict[str, Any]:
    """Check or train, as configured, into `folder`; returns the contents of results.json. `pictures`: the value of
    telemetry.pictures=auto. `show`: also print the outcome."""
    if config.check is not None:
        return check(config, request, folder, pictures, show)
    return train(config, request, folder, pictures, show)
