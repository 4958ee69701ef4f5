"""Builds the objects that a composed config names; the only module that calls Hydra's `instantiate`."""

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import hydra
import torch
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, PolynomialLR

import cnnlab
from cnnlab.cli.folders import check_is_run
from cnnlab.cli.trust import check_model
from cnnlab.cli.versions import allowed_targets
from cnnlab.common.errors import InputError, out_of_memory
from cnnlab.common.raised import raised_at, said
from cnnlab.common.random import cpu_seed
from cnnlab.common.steps_alone import check_steps_alone
from cnnlab.datasets.base import ImageSet, image_set
from cnnlab.networks.foreign import fit_stem, load_state, materialize, takes_image_shape
from cnnlab.networks.init import After, Fill, gain_in_words, initialize
from cnnlab.runs import checkpoint
from cnnlab.runs.changes import read_config
from cnnlab.runs.trained import TrainedRun
from cnnlab.theory import Expectation, expected, fill_moments
from cnnlab.theory.reading import read_graph

CALLED_LATER, LACKS = ("init", "optimizer", "scheduler", "augmentation"), "required positional argument"
# As torch's schedules call their number of steps, and whose; `total_iters` of LinearLR and ConstantLR is of a warm-up.
LENGTHS = {"total_steps": LRScheduler, "T_max": LRScheduler, "total_iters": PolynomialLR}
TEXT_CALLED = "'str' object is not callable"
LIBRARIES = tuple(str(Path(module.__file__ or "").parent) for module in (cnnlab, hydra, torch))


def construct(section: str, config: DictConfig, **arguments: Any) -> Any:
    """Instantiate a section's `_target_`; InputError with the target's own message for a value that it rejects."""
    try:
        return instantiate(config, **arguments, **allowed_targets(config), _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__ or error
        if section in CALLED_LATER and not config.get("_partial_") and LACKS in str(cause):
            raise InputError(
                f"{section}: {said(cause)}\n"
                "The run calls it with what it lacks here: write `_partial_: true` below `_target_`."
            ) from error
        raise _as_input_error(section, cause) from error


def call(section: str, deferred: Callable[..., Any], *arguments: Any) -> Any:
    """Call the partial that a section with `_partial_: true` made; errors as in `construct`."""
    try:
        return deferred(*arguments)
    except Exception as error:
        raise _as_input_error(section, error) from error


def _as_input_error(section: str, error: BaseException) -> Exception:
    if isinstance(error, InputError):
        return error
    if (told := out_of_memory(error)) is not None:
        return told
    where = raised_at(error, *LIBRARIES)  # in somebody's own code
    usual = (TypeError, ValueError, ArithmeticError, LookupError, InstantiationException)
    if isinstance(error, usual) or (where and isinstance(error, Exception)):
        words = f"{type(error).__name__}: {said(error)}\n{where}" if where else said(error)
        hint = f"Check the {section}.* settings of this run."
        if TEXT_CALLED in words:
            hint = "In a YAML a function is written {_target_: its.dotted.path, _partial_: true}, not as a text."
        return InputError(f"{section}: {words}\n{hint}")
    return error if isinstance(error, Exception) else RuntimeError(str(error))


def build_data(config: DictConfig) -> ImageSet:
    """The images that `dataset` names; every call reads them again (image_folder from its decoded cache)."""
    return image_set(f"dataset: what {config._target_} returns", construct("dataset", config))


def make_network(config: DictConfig, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """The network that `model` names for images (C, H, W), weights as drawn by the layers' constructors, and
    shapes known also of lazy layers.

    One that takes no image_shape gets num_classes, and its first convolution is fitted to the images, as `model.stem`
    says.
    """
    if takes_image_shape(get_object(config._target_)):
        return materialize(construct("model", config, image_shape=image_shape, classes=classes), image_shape)
    settings = OmegaConf.create({key: value for key, value in config.items() if key != "stem"})
    try:
        network = construct("model", settings, num_classes=classes)
    except InputError as error:
        if not config.get("weights") or "num_classes" not in str(error):
            raise
        raise InputError(  # torchvision's weights are of the classes that they were trained on
            f"model.weights={config.weights} is of other classes than the {classes} of these images, which cnnlab "
            "passes as num_classes.\n"
            "Leave it out. Save the weights once by torch.save(network.state_dict(), FILE), and give\n"
            "  init=checkpoint init.file=FILE \"init.skip=['fc.*']\"\n"
            "where fc is the name of the last layer, which starts anew."
        ) from error
    return materialize(fit_stem(network, image_shape[0], config.get("stem", "match")), image_shape)


def build_network(config: DictConfig, data: ImageSet, batch: Tensor | None = None) -> nn.Module:
    """The network that `model` names, initialized by `init` from `seed`; identical on every device.

    `batch`: normalized images (N, C, H, W) for data-dependent initializers.
    """
    # Not the fill's stream: with init.bias=keep, biases would repeat the random numbers of the next layer's weights.
    with cpu_seed(config.seed + 2**31):
        network = make_network(config.model, data.shape, len(data.classes))
    fill, after = build_fill(config.init)
    initialize(network, fill, bias=config.init.bias, after=after, batch=batch, seed=config.seed)
    return network


def build_fill(config: DictConfig) -> tuple[Fill | None, After | None]:
    """The function that fills one weight tensor, and the one applied to the whole network afterwards; None where there
    is none, as in init=own."""
    after = config.get("after")
    if "_target_" not in config:
        return None, construct("init", after) if after else None
    fill = OmegaConf.create({key: value for key, value in config.items() if key not in ("bias", "after")})
    return construct("init", fill), construct("init", after) if after else None


def gain_of(config: DictConfig, init: str | None) -> str:
    """What the name `init` does not say: see `gain_in_words`."""
    return gain_in_words(build_fill(config.init)[0], init)


def build_expectation(config: DictConfig, network: nn.Module, batch: Tensor) -> Expectation:
    """Theory's prediction for the initialized `network` on `batch` (N, C, H, W); raises NotApplicable."""
    read_graph(network, (batch.shape[1], batch.shape[2], batch.shape[3]))  # raises before any moments are drawn
    fill, after = build_fill(config.init)
    moments = None if fill is None else fill_moments(network, direct(fill), after=after)
    smoothing = OmegaConf.select(config, "trainer.label_smoothing", default=0.0)  # the summary config has no trainer
    return expected(network, batch, moments=moments, label_smoothing=smoothing)


def direct(fill: Fill) -> Fill:
    """`fill` without Hydra's wrapper, which re-checks the target on every call: 0.1 ms, and theory makes thousands."""
    return partial(fill.func, *fill.args, **fill.keywords) if isinstance(fill, partial) else fill


def build_optimizer(config: DictConfig, network: nn.Module, steps: int) -> tuple[Optimizer, LRScheduler]:
    """The optimizer over all trainable parameters, and its schedule over `steps` steps. An optimizer whose signature
    asks for the `network` gets it."""
    weights = [p for p in network.parameters() if p.requires_grad]
    made = construct("optimizer", config.optimizer)
    if "network" in _asked(config.optimizer._target_):
        made = partial(made, network=network)
    optimizer = call("optimizer", made, weights)
    schedule = _build_schedule(config.scheduler, optimizer, steps)
    for part in (optimizer, schedule):
        check_steps_alone(part)
    return optimizer, schedule


def _asked(target: str) -> Mapping[str, inspect.Parameter]:
    """What a target's signature asks for; nothing of built-in functions without one."""
    try:
        return inspect.signature(get_object(target)).parameters
    except (TypeError, ValueError):
        return {}


def _build_schedule(config: DictConfig, optimizer: Optimizer, steps: int) -> LRScheduler:
    """A function gets the optimizer and the number of steps; one of torch's classes, what its signature asks for."""
    target, made = get_object(config._target_), construct("scheduler", config)
    if not (inspect.isclass(target) and issubclass(target, LRScheduler)):
        schedule = call("scheduler", made, optimizer, steps)
    else:
        known = inspect.signature(target).parameters
        asked = {name for name, kind in LENGTHS.items() if name in known and issubclass(target, kind)}
        length = {name: steps for name in asked if config.get(name) is None}
        schedule = call("scheduler", partial(made, **length), optimizer)
    if not isinstance(schedule, LRScheduler):
        raise InputError(
            f"scheduler: {config._target_} returns a {type(schedule).__name__}, and an LRScheduler is needed.\n"
            "cnnlab/training/schedules.py has examples."
        )
    return schedule


def build_statistics(config: DictConfig) -> dict[str, dict[str, Callable[..., Tensor]]]:
    """The functions behind the dotted paths of `telemetry.statistics`."""
    found: dict[str, dict[str, Callable[..., Tensor]]] = {}
    for what, paths in config.statistics.items():
        found[what] = {}
        for name, path in paths.items():
            try:
                found[what][name] = pkgutil.resolve_name(path)
            except Exception as error:
                raise InputError(
                    f"telemetry.statistics.{what}.{name}={path} is not an importable function.\n"
                    "Write the dotted path of a function, e.g. cnnlab.telemetry.statistics.std."
                ) from error
            _try_statistic(f"telemetry.statistics.{what}.{name}={path}", what, found[what][name])
    return found


def _try_statistic(setting: str, what: str, statistic: Callable[..., Tensor]) -> None:
    """InputError unless it makes one number of what it will get."""
    # Not random numbers, which would be missing from the run's own.
    weight, maps, outputs = (
        torch.linspace(0.1, 0.9, 240)[: prod(s)].view(s) for s in ((3, 2, 2, 2), (4, 3, 2, 2), (4, 10))
    )
    given: dict[str, tuple] = {"weight": (weight, weight / 2, weight / 4), "bias": (outputs[0],)}
    given |= {"output": (outputs,), "saturation": (maps, 0.0, 1.0)}
    arguments = given.get(what, (maps,))
    try:
        value = statistic(*arguments)
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise TypeError(f"it returned {type(value).__name__}, and one number in a tensor is needed")
    except Exception as error:
        words = ", ".join("a tensor" if isinstance(a, Tensor) else "a number" for a in arguments)
        raise InputError(
            f"{setting} does not work: {next(iter(str(error).splitlines()), type(error).__name__)}\n"
            f"It is called with {words}; cnnlab/telemetry/statistics.py has examples of {what}."
        ) from error


def load_run(folder: str | Path, which: str = "last", trust: bool = False) -> tuple[nn.Module, TrainedRun]:
    """The trained network of a run folder, in evaluation mode on the CPU. `which`: last or best. `trust`: also build
    networks from elsewhere, with the code that the folder names.

    Raises InputError if the folder holds no run, if checkpoint and config do not match, or if `trust` is needed.
    """
    folder = Path(folder)
    check_is_run(folder)
    state = checkpoint.load(folder / "checkpoints" / f"{which}.pt")
    text = read_config(folder / "config.yaml") or ""
    with _rebuilding(folder, which):
        config = OmegaConf.create(text)
        assert isinstance(config, DictConfig)
        settings: Any = OmegaConf.to_container(config)
    if not trust:
        check_model(str(folder), settings.get("model"))
    with _rebuilding(folder, which):
        shape, names, mean, std = (tuple(state[key]) for key in ("image_shape", "classes", "mean", "std"))
        look = {name: (float(low), float(high)) for name, (low, high) in state.get("look", {}).items()}
        classes = tuple(map(str, names))  # older versions took numbers as names
        run = TrainedRun(settings, shape, classes, mean, std, look, state.get("top"))
        network = make_network(config.model, run.image_shape, len(run.classes))
        load_state(network, state["network"])
    return network.eval(), run


@contextmanager
def _rebuilding(folder: Path, which: str) -> Iterator[None]:
    """An edited file can make any step raise anything."""
    try:
        yield
    except Exception as error:
        why = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        raise InputError(
            f"{folder}: cannot rebuild the network from {which}.pt and config.yaml.\n{why}\n"
            "One of the files or the network's code has changed; train the run again."
        ) from error


def as_yaml(config: DictConfig) -> str:
    """The resolved config as YAML, the content of a run folder's config.yaml."""
    return OmegaConf.to_yaml(config, resolve=True)
