"""Initializers by their names in `configs/init`, for networks built without a config."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from cnnlab.cli.build import build_fill, direct
from cnnlab.cli.compose import compose_run
from cnnlab.cli.overrides import as_text
from cnnlab.cli.resolvers import resolved
from cnnlab.cli.schema import check_values
from cnnlab.common.checks import as_whole
from cnnlab.common.errors import InputError
from cnnlab.networks.init import After, Fill
from cnnlab.networks.init import initialize as fill_network
from cnnlab.networks.layers import check_open
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.moments import gain_of_module
from cnnlab.networks.modules.table import layer_type
from cnnlab.telemetry.inspection import context_of
from cnnlab.theory import Expectation, fill_moments
from cnnlab.theory import expected as expected_by_theory


def initialize(
    network: nn.Module,
    init: str,
    *,
    seed: int = 0,
    batch: Tensor | None = None,
    activation: str | None = None,
    config_dir: str | Path | None = None,
    **settings: Any,
) -> None:
    """Fill the weights of every convolution and fully connected layer: `initialize(network, "normal", std=0.05)`.

    `init`: a name in `configs/init`, or in `config_dir`/init; `settings`: its keys, including `bias`. `batch`: images
    (N, C, H, W) for data-dependent initializers (lsuv). The gain is that of `activation`, which defaults to the only
    one among the network's modules, or to relu if there are several or none; with the parameters that the modules have,
    as a slope, where all have the same, else with the usual ones. Norm layers and parameters that are frozen or
    computed from others are left unchanged. Raises InputError.
    """
    check_open(network)
    seed = as_whole("seed", seed, 0)
    fill, after, bias = _compose_init(network, init, activation, config_dir, settings)
    fill_network(network, fill, bias=bias, after=after, batch=batch, seed=seed)


def expected(
    network: nn.Module,
    batch: Tensor,
    init: str | None = None,
    *,
    activation: str | None = None,
    config_dir: str | Path | None = None,
    label_smoothing: float = 0.0,
    **settings: Any,
) -> Expectation:
    """Standard deviation of every layer's activations, pre-activations and gradients before the first step, on
    normalized `batch` (N, C, H, W) under cross-entropy, with a band for finite width (`.by_key()`).

    `init`: the ensemble that this initializer draws (name as for `initialize`); None: the ensemble with the mean and
    variance of the current weights. Biases are read from the network. Raises NotApplicable, naming what has no
    formula, and InputError.
    """
    if not isinstance(batch, Tensor) or batch.dim() != 4 or not len(batch):
        what = f"a tensor {tuple(batch.shape)}" if isinstance(batch, Tensor) else f"a {type(batch).__name__}"
        raise InputError(f"`batch` is {what}, not a tensor of images (N, C, H, W).")
    if init is None:
        return expected_by_theory(network, batch, label_smoothing=label_smoothing)
    fill, after, _ = _compose_init(network, init, activation, config_dir, settings)
    moments = None if fill is None else fill_moments(network, direct(fill), after=after)
    return expected_by_theory(network, batch, moments=moments, label_smoothing=label_smoothing)


def _compose_init(
    network: nn.Module, init: str, activation: str | None, config_dir: str | Path | None, settings: dict[str, Any]
) -> tuple[Fill | None, After | None, Any]:
    if not isinstance(init, str):
        raise InputError(
            f"init is of type {type(init).__name__}, and the name of an initializer is needed, as 'he'.\n"
            "A function of your own fills the weights by cnnlab.networks.init.initialize(network, function)."
        )
    seen = activation or context_of(network).activation
    overrides = [f"init={init}", *(_override(f"init.{key}", value) for key, value in settings.items())]
    if seen is not None:
        overrides.append(f"model.activation={seen}")
    config, _, _ = compose_run("train", overrides, config_dir)
    check_values(resolved(config))
    fill, after = build_fill(config.init)
    if fill is not None and _follows_activation(config.init) and "a" not in settings:
        own = None if seen is None else _own_gain(network, seen)
        if own is not None:
            taking: Callable[..., object] = direct(fill)
            fill = partial(taking, gain=own)
    return fill, after, config.init.bias


def _follows_activation(init: DictConfig) -> bool:
    """Whether it takes its gain from model.activation, and can be given another."""
    written = OmegaConf.to_container(init, resolve=False)
    assert isinstance(written, dict)
    follows = any("model.activation" in str(written.get(key)) for key in ("gain", "nonlinearity"))
    return follows and "gain" in inspect.signature(get_object(init._target_)).parameters


def _own_gain(network: nn.Module, activation: str) -> float | None:
    """That of the network's activations of this name; None where it is not known, or not one."""
    kind = ACTIVATIONS[activation]
    modules = [module for module in network.modules() if (known := layer_type(module)) and known.activation is kind]
    if any(parameter.is_meta for module in modules for parameter in module.parameters()):
        return None
    unlike = {_computes(module): module for module in modules}  # of many alike one is enough
    gains = {gain_of_module(activation, module) for module in unlike.values()}
    return gains.pop() if len(gains) == 1 else None


def _computes(module: nn.Module) -> tuple[object, ...]:
    """The same for activations that compute the same; one with a parameter for each channel has no gain at all."""
    own = (parameter.item() if parameter.numel() == 1 else None for parameter in module.parameters())
    return type(module), module.extra_repr(), *own


def _override(key: str, value: Any) -> str:
    return as_text(key, value) if isinstance(value, str) else f"{key}={value}"
