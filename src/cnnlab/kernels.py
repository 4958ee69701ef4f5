"""`python -m cnnlab.kernels`: classical kernels on a picture, cell by cell, or the names of learned filters."""

from pathlib import Path

from omegaconf import DictConfig, ListConfig

from cnnlab.cli.compose import resolved
from cnnlab.cli.entry import entry
from cnnlab.cli.schema import BOOL, Rule, check_rules, list_of, number, one_of, optional, whole
from cnnlab.common.errors import InputError

_NUMBERS = Rule(
    "a square of numbers",
    lambda v: isinstance(v, list) and all(isinstance(r, list) and len(r) == len(v) for r in v) and _all_numbers(v),
)
RULES = {
    "kernels": Rule(
        "a list with one or more names or squares of numbers, e.g. [sharpen,[[0,1,0],[0,0,0],[0,-1,0]]]",
        lambda v: isinstance(v, list) and bool(v) and all(isinstance(k, str) or (k and _NUMBERS.holds(k)) for k in v),
    ),
    "border": one_of("edge", "zero", "valid"),
    "step": BOOL,
    "cell": optional(
        Rule("[row,column], counted from 0", lambda v: list_of(whole(0)).holds(v) and len(v) == 2),
    ),
    "checkpoint": one_of("best", "last"),
}


def _all_numbers(rows: list[list[object]]) -> bool:
    return all(number().holds(value) for row in rows for value in row)


def check(jobs: list[DictConfig]) -> None:
    for job in jobs:
        check_rules(resolved(job), RULES)
    for job in jobs:
        if job.run:
            _filters(job)
        else:
            image, kernels = _inputs(job)
            _cells(job, image, kernels)


def task(config: DictConfig) -> None:
    from hydra.core.hydra_config import HydraConfig

    folder = Path(HydraConfig.get().runtime.output_dir)
    (_name_learned if config.run else _show)(config, folder)


def _inputs(config: DictConfig):
    """The picture, uint8 (C, H, W), and the kernels by name; InputError for what there is not."""
    from cnnlab.datasets.pictures import load
    from cnnlab.networks.kernels import Kernel, named

    image = load(str(config.image), largest=512)
    kernels: dict[str, Kernel] = {}
    for i, kernel in enumerate(config.kernels, start=1):
        if isinstance(kernel, ListConfig):
            kernels[f"kernel_{i}"] = Kernel(tuple(tuple(row) for row in kernel), "given")
        else:
            kernels[kernel] = named(kernel)
    for name, kernel in kernels.items():
        size, side = len(kernel.values), min(image.shape[-2:])
        if size > side:
            raise InputError(
                f"Kernel {name} is {size}x{size}, larger than the picture with its {side} pixels.\n"
                "Use a larger picture or a smaller kernel."
            )
    return image, kernels


def _cells(config: DictConfig, image, kernels) -> dict[str, tuple[int, int]]:
    """The cell of the output to write out, for each kernel."""
    from cnnlab.views.arithmetic import inside, strongest

    if config.cell is None:
        return {name: strongest(image, kernel, config.border) for name, kernel in kernels.items()}
    row, column = config.cell
    return {name: inside(image, kernel, (row, column), config.border) for name, kernel in kernels.items()}


def _show(config: DictConfig, folder: Path) -> None:
    from cnnlab.views.arithmetic import arithmetic
    from cnnlab.views.kernel_figure import kernels_figure
    from cnnlab.views.panels import save

    image, kernels = _inputs(config)
    cells = _cells(config, image, kernels) if config.step else {}
    for name, cell in cells.items():
        print(arithmetic(image, name, kernels[name], cell, config.border), end="\n\n")
    print(save(kernels_figure(image, kernels, config.border, cells), folder / "kernels.png"))


def _filters(config: DictConfig):
    from cnnlab.cli.build import load_run
    from cnnlab.networks.filters import name_filters

    network, _ = load_run(Path(config.run), config.checkpoint)
    filters = name_filters(network)
    if not filters:
        raise InputError(f"run={config.run}: this network has no convolution with square kernels to name.")
    return filters


def _name_learned(config: DictConfig, folder: Path) -> None:
    from rich.console import Console

    from cnnlab.views.kernel_figure import filters_figure, filters_table
    from cnnlab.views.panels import save

    filters = _filters(config)
    Console().print(filters_table(filters))
    print(save(filters_figure(filters), folder / "filters.png"))


def main() -> None:
    entry("kernels", task, check)


if __name__ == "__main__":
    main()
