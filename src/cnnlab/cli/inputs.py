"""Loads the pictures, kernels, filters and networks that the configs of `cnnlab.kernels` and `predict` name."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, ListConfig

from cnnlab.cli.folders import check_is_run
from cnnlab.cli.resolvers import resolved
from cnnlab.cli.schema import KERNELS_RULES, PREDICT_RULES
from cnnlab.common.checks import check_rules
from cnnlab.common.errors import InputError
from cnnlab.common.words import percent
from cnnlab.runs.status import progress, real_status

T = TypeVar("T")
NAMED = 3  # of the pictures that cannot be read, in the message where none can


def check_kernels(jobs: Sequence[DictConfig]) -> Any:
    """Returns what a single job shows: its filters, or its picture and kernels."""
    for job in jobs:
        check_rules(resolved(job), KERNELS_RULES)
    for job in jobs:
        if job.run:
            check_is_run(Path(job.run))
    shown = [_shown(job) for job in jobs]
    return shown[0] if len(shown) == 1 else None


def _shown(job: DictConfig) -> Any:
    if job.run:
        return learned_filters(job)
    image, kernels = picture_and_kernels(job)
    cells_of(job, image, kernels)
    return image, kernels


def picture_and_kernels(config: DictConfig) -> tuple[Any, dict[str, Any]]:
    """The picture, uint8 (C, H, W), and the kernels by name; InputError if one is missing or too large."""
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
                f"Kernel {name} is {size}x{size}, larger than the picture ({side} pixels on its shorter side).\n"
                "Use a larger picture or a smaller kernel."
            )
    return image, kernels


def cells_of(config: DictConfig, image: Any, kernels: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """The output cell (row, column) of each kernel whose arithmetic is shown."""
    from cnnlab.inference.cells import inside, strongest

    if config.cell is None:
        return {name: strongest(image, kernel, config.border) for name, kernel in kernels.items()}
    row, column = config.cell
    return {name: inside(image, kernel, (row, column), config.border) for name, kernel in kernels.items()}


def learned_filters(config: DictConfig) -> list[Any]:
    """The first-layer filters of `run`, each with its nearest classical kernel."""
    from cnnlab.cli.build import load_run
    from cnnlab.networks.filters import name_filters

    network, _ = load_run(Path(config.run), config.checkpoint, config.trust)
    filters = name_filters(network)
    if not filters:
        raise InputError(f"run={config.run}: this network has no convolution with square kernels.")
    return filters


def check_pictures(jobs: Sequence[DictConfig]) -> tuple[Any, Any] | None:
    """Returns the network of a single job and its `TrainedRun`."""
    for job in jobs:
        check_rules(resolved(job), PREDICT_RULES)
    for job in jobs:
        check_is_run(Path(job.run))

    from cnnlab.cli.build import load_run
    from cnnlab.datasets.pictures import header
    from cnnlab.evaluation.invariance import Invariance

    loaded = None
    for job in jobs:
        loaded = _, run = load_run(Path(job.run), job.checkpoint, job.trust)
        if job.invariance:
            Invariance(list(job.shifts), list(job.rotations), list(job.squashes)).check(run.image_shape, "shifts")
        of_each(picture_files(job), header)
    return loaded if len(jobs) == 1 else None


def unfinished(folder: str) -> str:
    """What to say of a run that did not come to its end; "" if it did, or nothing is known."""
    run = real_status(Path(folder))
    if run["status"] in ("completed", "queued"):
        return ""
    done, _ = progress(Path(folder), run)
    far = "" if done is None else f", {percent(done)} of its steps done"
    return f"{folder} is {run['status']}{far}: its network has not been trained to the end."


def picture_files(config: DictConfig) -> list[Path]:
    """The pictures that `image` (a path, a pattern, or a list of these) names, without duplicates."""
    from cnnlab.datasets.pictures import find

    return list(dict.fromkeys(path for pattern in _patterns(config) for path in find(pattern)))


def of_each(files: Sequence[Path], read: Callable[[Path], T]) -> tuple[list[T], dict[Path, InputError]]:
    """What `read` makes of the pictures, and what it says of those of which it makes nothing. Raises InputError where
    these are all."""
    found, failed = list[T](), dict[Path, InputError]()
    for path in files:
        try:
            found.append(read(path))
        except InputError as error:
            failed[path] = error
    if not found:
        raise InputError(_of_none(failed))
    return found, failed


def _of_none(failed: Mapping[Path, InputError]) -> str:
    told = list(dict.fromkeys(map(str, failed.values())))
    if len(told) == 1:
        return told[0]
    firsts = [text.splitlines()[0] for text in told[:NAMED]]
    return "\n".join([f"None of the {len(failed):,} pictures can be read:", *firsts, *told[0].splitlines()[1:2]])


def passed_over(config: DictConfig) -> list[str]:
    """What to say of the files that patterns match and that are no pictures, a sentence per pattern."""
    from cnnlab.datasets.pictures import matches
    from cnnlab.datasets.remarks import skipped

    found = {pattern: matches(pattern)[1] for pattern in _patterns(config)}
    return [skipped(name, Counter(path.suffix for path in others)) for name, others in found.items() if others]


def _patterns(config: DictConfig) -> Sequence[str]:
    return [config.image] if isinstance(config.image, str) else config.image
