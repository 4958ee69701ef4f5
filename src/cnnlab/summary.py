"""`python -m cnnlab.summary`: design sheet of a network, or comparison of several, without training."""

from typing import TYPE_CHECKING

from cnnlab.cli.designs import check_designs, make_designs, models_of, theory_of, training_command
from cnnlab.cli.entry import entry
from cnnlab.cli.resolvers import resolved

if TYPE_CHECKING:
    from omegaconf import DictConfig


def task(config: "DictConfig") -> None:
    from cnnlab.cli.hydra_job import choices, output_folder, read_request
    from cnnlab.views.design_report import draw_designs, print_command, print_designs, print_files, write_designs

    dataset, init, folder = choices()["dataset"], choices()["init"], output_folder()
    found, classes = make_designs(config, models_of(config), config.measure)
    theory = theory_of(config, init) if config.theory else None
    facts = {
        "dataset": dataset,
        "classes": classes,
        "match": config.match,
        "theory": {"init": resolved(config.init), "seed": config.seed},
    }
    written = [write_designs(folder, found, theory, facts)]
    if config.plot:
        written += draw_designs(folder, found, theory)
    shape = "x".join(map(str, found.designs[0].image_shape))
    print_designs(found, f"{dataset}: {shape}, {classes} classes", theory, config.full)
    if config.match:
        print_command(training_command(read_request(config), found.changes, folder.name))
    print_files(written)


def main() -> None:
    entry("summary", task, check_designs)


if __name__ == "__main__":
    main()
