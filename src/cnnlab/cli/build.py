"""From a composed config to the objects it names; with app.py the only place that knows Hydra's instantiate."""

import pkgutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cnnlab.cli.versions import permission
from cnnlab.common.errors import InputError
from cnnlab.common.random import cpu_seed
from cnnlab.datasets.base import ImageSet
from cnnlab.networks.init import After, Fill, initialize
from cnnlab.runs import checkpoint
from cnnlab.runs.trained import TrainedRun
from cnnlab.theory import Expectation, expected, fill_moments
from cnnlab.theory.chain import read_layers


def construct(section: str, config: DictConfig, **arguments: Any) -> Any:
    """What the `_target_` of a section makes; a value that it refuses is the user's mistake, told in its words."""
    try:
        return instantiate(config, **arguments, **permission(config), _convert_="all")
    except InstantiationException as error:
        raise _refused(section, error.__cause__ or error) from error


def call(section: str, deferred: Callable[..., Any], *arguments: Any) -> Any:
    """Call what a section made with `_partial_: true`, its refusal told likewise."""
    try:
        return deferred(*arguments)
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise _refused(section, error) from error


def _refused(section: str, error: BaseException) -> Exception:
    if isinstance(error, InputError):
        return error
    if isinstance(error, (TypeError, ValueError, ArithmeticError, LookupError, InstantiationException)):
        return InputError(f"{section}: {str(error).strip().splitlines()[0]}\nSee the settings {section}.* of this run.")
    return error if isinstance(error, Exception) else RuntimeError(str(error))


def build_data(config: DictConfig) -> ImageSet:
    """The images that `dataset` names; its loader keeps the last ones, so a run's check and the run load once."""
    return construct("dataset", config)


def make_network(config: DictConfig, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """The network that `model` names for images (C, H, W), its weights as the layers' constructors drew them."""
    return construct("model", config, image_shape=image_shape, classes=classes)


def build_network(config: DictConfig, data: ImageSet, batch: Tensor | None = None) -> nn.Module:
    """The network that `model` names, initialized as `init` says from `seed`; the same on every device.

    `batch`: normalized images (N, C, H, W), wanted by initializers that look at data.
    """
    # Another stream than the fill's, or biases that are kept would repeat the weights of the layer above.
    with cpu_seed(config.seed + 2**31):
        network = make_network(config.model, data.shape, len(data.classes))
    fill, after = build_fill(config.init)
    initialize(network, fill, bias=config.init.bias, after=after, batch=batch, seed=config.seed)
    return network


def build_fill(config: DictConfig) -> tuple[Fill, After | None]:
    """What `init` does to one weight tensor, and what it then does to the whole network, if anything."""
    after = config.get("after")
    fill = OmegaConf.create({key: value for key, value in config.items() if key not in ("bias", "after")})
    return construct("init", fill), construct("init", after) if after else None


def build_expectation(config: DictConfig, network: nn.Module, batch: Tensor) -> Expectation:
    """What theory expects of the initialized `network` on `batch` (N, C, H, W); raises NotApplicable."""
    read_layers(network, (batch.shape[1], batch.shape[2], batch.shape[3]))  # what does not apply needs no moments
    fill, after = build_fill(config.init)
    moments = fill_moments(network, direct(fill), after=after)
    smoothing = OmegaConf.select(config, "trainer.label_smoothing", default=0.0)  # a sheet has no trainer
    return expected(network, batch, moments=moments, label_smoothing=smoothing)


def direct(fill: Fill) -> Fill:
    """The same without Hydra, which authorizes a deferred target at each call: 0.1 ms, and theory draws thousands."""
    return partial(fill.func, *fill.args, **fill.keywords) if isinstance(fill, partial) else fill


def build_optimizer(config: DictConfig, network: nn.Module, steps: int) -> tuple[Optimizer, LRScheduler]:
    """The optimizer over the weights that are not frozen, and its schedule over `steps` steps."""
    weights = [p for p in network.parameters() if p.requires_grad]
    optimizer = call("optimizer", construct("optimizer", config.optimizer), weights)
    return optimizer, call("scheduler", construct("scheduler", config.scheduler), optimizer, steps)


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
                    f"telemetry.statistics.{what}.{name}={path} is no function that Python can import.\n"
                    "Write the dotted path of a function, e.g. cnnlab.telemetry.statistics.std."
                ) from error
    return found


def load_run(folder: str | Path, which: str = "last") -> tuple[nn.Module, TrainedRun]:
    """The trained network of a run folder, in evaluation mode on the CPU. `which`: last or best.

    Raises InputError where the folder holds no run, or files that do not belong together.
    """
    folder = Path(folder)
    if not (folder / "config.yaml").is_file():
        raise InputError(
            f"{folder} has no config.yaml, so it is no folder of a run that a command started.\n"
            "Give the folder that a training run printed, e.g. run=outputs/runs/..."
        )
    state = checkpoint.load(folder / "checkpoints" / f"{which}.pt")
    try:
        config = OmegaConf.load(folder / "config.yaml")
        assert isinstance(config, DictConfig), "config.yaml is no mapping"
        settings: Any = OmegaConf.to_container(config)
        run = TrainedRun(settings, *(tuple(state[key]) for key in ("image_shape", "classes", "mean", "std")))
        network = make_network(config.model, run.image_shape, len(run.classes))
        network.load_state_dict(state["network"])
    except Exception as error:  # whatever a changed file makes of these steps
        why = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        raise InputError(
            f"{folder}: {which}.pt and config.yaml make no network.\n{why}\n"
            "One of them was changed, or the network's own code is not what it was; train the run again."
        ) from error
    return network.eval(), run


def as_yaml(config: DictConfig) -> str:
    """The config with everything resolved, as a run folder keeps it."""
    return OmegaConf.to_yaml(config, resolve=True)
