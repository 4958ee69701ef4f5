"""`python -m cnnlab.kernels`: classical kernels applied to a picture, or names for learned filters."""

from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.cli.entry import entry
from cnnlab.cli.inputs import cells_of, check_kernels, learned_filters, picture_and_kernels

if TYPE_CHECKING:
    from omegaconf import DictConfig


def task(config: "DictConfig") -> None:
    from cnnlab.cli.hydra_job import output_folder

    (_name_learned if config.run else _show)(config, output_folder())


def _show(config: "DictConfig", folder: Path) -> None:
    from cnnlab.common.words import shortened
    from cnnlab.views.arithmetic import arithmetic
    from cnnlab.views.kernel_figure import kernels_figure
    from cnnlab.views.panels import save

    image, kernels = picture_and_kernels(config)
    cells = cells_of(config, image, kernels) if config.step else {}
    for name, cell in cells.items():
        print(arithmetic(image, name, kernels[name], cell, config.border), end="\n\n")
    print(shortened(save(kernels_figure(image, kernels, config.border, cells), folder / "kernels.png")))


def _name_learned(config: "DictConfig", folder: Path) -> None:
    from cnnlab.common.words import shortened
    from cnnlab.views.filters_figure import filters_figure, print_filters
    from cnnlab.views.panels import save

    filters = learned_filters(config)
    print_filters(filters)
    print(shortened(save(filters_figure(filters), folder / "filters.png")))


def main() -> None:
    entry("kernels", task, check_kernels)


if __name__ == "__main__":
    main()
