"""`python -m cnnlab.kernels`: classical kernels applied to a picture, or names for learned filters."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.cli.entry import entry
from cnnlab.cli.inputs import cells_of, check_kernels, learned_filters, picture_and_kernels

if TYPE_CHECKING:
    from omegaconf import DictConfig


def task(config: "DictConfig", shown: Any = None) -> None:
    """`shown`: the filters of `config.run`, or the picture and kernels, if the check read them."""
    from cnnlab.cli.hydra_job import output_folder

    if config.run:
        _name_learned(shown or learned_filters(config), output_folder())
    else:
        _show(config, shown or picture_and_kernels(config), output_folder())


def _show(config: "DictConfig", shown: tuple[Any, Any], folder: Path) -> None:
    from cnnlab.common.words import shortened
    from cnnlab.views.arithmetic import arithmetic
    from cnnlab.views.kernel_figure import kernels_figure
    from cnnlab.views.panels import save

    image, kernels = shown
    cells = cells_of(config, image, kernels) if config.step else {}
    for name, cell in cells.items():
        print(arithmetic(image, name, kernels[name], cell, config.border), end="\n\n")
    print(shortened(save(kernels_figure(image, kernels, config.border, cells), folder / "kernels.png")))


def _name_learned(filters: Any, folder: Path) -> None:
    from cnnlab.common.words import shortened
    from cnnlab.views.filters_figure import filters_figure, print_filters
    from cnnlab.views.panels import save

    print_filters(filters)
    print(shortened(save(filters_figure(filters), folder / "filters.png")))


def main() -> None:
    entry("kernels", task, check_kernels)


if __name__ == "__main__":
    main()
