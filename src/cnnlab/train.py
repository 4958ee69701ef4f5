"""`python -m cnnlab.train`: compose, check, train. `run` does the same from Python."""

import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from cnnlab.cli.entry import entry
from cnnlab.cli.preflight import check_settings, check_training
from cnnlab.common.began import BEGAN
from cnnlab.training.leading import leading

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from cnnlab.cli.parts import Parts


def task(config: "DictConfig", parts: "Parts | None" = None) -> None:
    from cnnlab.cli.hydra_job import is_sweep, output_folder, read_request
    from cnnlab.training.perform import exit_code, perform

    alone, folder = not is_sweep(), output_folder()
    began = BEGAN if alone else None  # a sweep's server imported it long before
    results = perform(config, read_request(config), folder, pictures=alone, show=alone, parts=parts, began=began)
    if alone and (code := exit_code(config, results, folder)):
        sys.exit(code)


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

    began = perf_counter()
    config, request, usual = compose_run("train", with_devices(resumed(overrides, config_dir)), config_dir)
    parts = check_training([config])
    return perform(config, request, Path(folder or usual), pictures=False, show=False, parts=parts, began=began)


def main() -> None:
    with leading() as leads:
        if leads:
            entry("train", task, check_training, settings=check_settings, estimate=estimate)


if __name__ == "__main__":
    main()
