"""`python -m cnnlab.predict`: class probabilities of pictures, through every layer, and of transformed variants."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.cli.entry import entry
from cnnlab.cli.inputs import check_pictures, of_each, passed_over, picture_files, unfinished
from cnnlab.common.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig


def task(config: "DictConfig", loaded: tuple[Any, Any] | None = None) -> None:
    """`loaded`: the network and its `TrainedRun`, if the check read them. Raises InputError, after the answers, where
    some of the pictures have none."""
    from cnnlab.cli.build import load_run
    from cnnlab.cli.hydra_job import output_folder
    from cnnlab.evaluation.transforms import variants
    from cnnlab.inference.prepare import prepare
    from cnnlab.views.answers import Answers

    for told in (unfinished(config.run), *passed_over(config)):
        if told:
            sys.stderr.write(f"{told}\n")
    network, run = loaded or load_run(Path(config.run), config.checkpoint, config.trust)
    files = picture_files(config)
    background = str(run.config.get("dataset", {}).get("background", "auto"))
    facts = (run.image_shape, run.look, config.invert, background, run.top)
    pictures, failed = of_each(files, lambda path: prepare(path, *facts))
    for error in failed.values():
        sys.stderr.write(f"{str(error).splitlines()[0]}\n")
    answers = Answers(output_folder(), network, run, pictures, config.top)
    answers.draw_probabilities()
    if config.follow:
        answers.follow()
    if config.invariance:
        answers.vary(variants(config.shifts, config.rotations, config.squashes))
    if config.format == "json":
        answers.print_json(config.run, config.checkpoint)
    else:
        answers.print_tables()
    if failed:
        raise InputError(f"{len(failed):,} of {len(files):,} pictures could not be read and have no answer, see above.")


def main() -> None:
    entry("predict", task, check_pictures)


if __name__ == "__main__":
    main()
