"""`python -m cnnlab.train`: compose, check, train. `run` does the same from Python."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.cli.entry import entry
from cnnlab.training.leading import leading

if TYPE_CHECKING:
    from omegaconf import DictConfig


def task(config: "DictConfig") -> None:
    from cnnlab.cli.hydra_job import is_sweep, output_folder, read_request
    from cnnlab.training.perform import exit_code, perform

    alone, folder = not is_sweep(), output_folder()
    results = perform(config, read_request(config), folder, pictures=alone, show=alone)
    if alone and (code := exit_code(config, results, folder)):
        sys.exit(code)


def check(jobs: Sequence["DictConfig"]) -> None:
    from cnnlab.cli.preflight import check_training

    check_training(jobs)


def estimate(config: "DictConfig", threads: int | None) -> float:
    from cnnlab.training.estimate import training_seconds

    return training_seconds(config, threads)


def run(*overrides: str, folder: str | Path | None = None, config_dir: str | Path | None = None) -> dict[str, Any]:
    """Train one network in this process: `run("model=single5x5", "init=xavier")`. Returns the contents of results.json.

    `folder`: the run folder, by default the command's. `config_dir`: folder with your own configs. Raises InputError
    for invalid overrides, before anything is written.
    """
    from cnnlab.cli.compose import compose_run
    from cnnlab.cli.processes import with_devices
    from cnnlab.cli.resuming import resumed
    from cnnlab.training.perform import perform

    config, request, usual = compose_run("train", with_devices(resumed(overrides)), config_dir)
    check([config])
    return perform(config, request, Path(folder or usual), pictures=False, show=False)


def main() -> None:
    with leading() as leads:
        if leads:
            entry("train", task, check, estimate=estimate)


if __name__ == "__main__":
    main()
