"""Reads a diagnosis' context from a network and an optimizer, for training loops other than cnnlab's."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize
from torch.optim import Optimizer

from cnnlab.common.errors import InputError
from cnnlab.common.rates import peak, rated
from cnnlab.diagnosis import Context
from cnnlab.networks.layers import is_spread, weight_layers, weight_of
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.table import Role, layer_type

# A parameter's type that can lose updates in rounding, the narrowest first.
NARROW = ("float16", "bfloat16")


def context_of(
    network: nn.Module,
    optimizer: Optimizer | None = None,
    classes: int | None = None,
    functions: Iterable[nn.Module] = (),
    held: Iterable[int] = (),
) -> Context:
    """Activation, norm and dropout are read from the modules and from `functions`, the layers that equal the functions
    called; rates, decay, momentum and the like from the optimizer. What is unknown or ambiguous stays None. `held`: ids
    of parameters that other optimizers have."""
    known = [kind for module in (*network.modules(), *functions) if (kind := layer_type(module)) is not None]
    names = {name for kind in known for name, activation in ACTIVATIONS.items() if kind.activation is activation}
    activation = names.pop() if len(names) == 1 else None
    dropout = [float(getattr(module, "p", 0.0)) for module in _of_role(network, "dropout")]
    epsilons = [float(getattr(module, "eps", 0.0) or 0.0) for module in _of_role(network, "norm")]
    layers = weight_layers(network)
    weights = {layer: w for layer, module in layers.items() if (w := weight_of(module)) is not None}
    if optimizer is not None and not hasattr(optimizer, "param_groups"):  # wrappers of optimizers have them
        raise InputError(f"The optimizer is of type {type(optimizer).__name__}; give the one that takes the steps.")
    found = Context(
        classes=classes,
        activation=activation,
        suited=ACTIVATIONS[activation].initializer if activation else None,
        batch_norm=any(kind.role == "norm" for kind in known),
        dropout=max(dropout, default=None),
        precision=narrowest({weight.dtype for weight in weights.values()}),
        fan_in={layer: weight[0].numel() for layer, weight in weights.items()},
        units={layer: units for layer, module in layers.items() if (units := _units(module)) is not None},
        norm_epsilon=max(epsilons, default=None),
        frozen=tuple(layer for layer, weight in weights.items() if not weight.requires_grad),
    )
    return found if optimizer is None else replace(found, **_optimization(network, optimizer, layers, {*held}))


def narrowest(types: Iterable[torch.dtype]) -> str | None:
    """`float16`, where that is one of them; None of several wide ones."""
    names = {str(kind).removeprefix("torch.") for kind in types}
    return next((kind for kind in NARROW if kind in names), names.pop() if len(names) == 1 else None)


def has_modes(network: nn.Module) -> bool:
    """Whether the network has dropout, or norm layers with running statistics, which evaluation mode changes."""
    running = any(getattr(module, "running_mean", None) is not None for module in network.modules())
    return running or any(getattr(module, "p", 0.0) > 0 for module in _of_role(network, "dropout"))


def _of_role(network: nn.Module, role: Role) -> list[nn.Module]:
    return [module for module in network.modules() if (kind := layer_type(module)) and kind.role == role]


def _units(layer: nn.Module) -> int | None:
    weight = weight_of(layer)
    if weight is not None:
        return len(weight)
    if not parametrize.is_parametrized(layer):  # one without a shape yet
        return None
    return getattr(layer, "out_channels", getattr(layer, "out_features", None))


def kernels_of(layer: nn.Module) -> list[nn.Parameter]:
    """The weights, or what they are computed from."""
    weight = weight_of(layer)
    own = layer.parameters() if weight is None else [weight]
    return [p for p in own if not (is_lazy(p) or is_spread(p)) and p.dim() > 1]


def _optimization(
    network: nn.Module, optimizer: Optimizer, layers: Mapping[str, nn.Module], held: set[int]
) -> dict[str, Any]:
    has = held | {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    group = optimizer.param_groups[0]
    update = {key: float(value) for key, value in group.items() if isinstance(value, (bool, int, float))}
    betas = group.get("betas", ())
    return {
        "learning_rate": peak(rated(optimizer)),
        "optimizer": type(optimizer).__name__,
        "weight_decay": max(group.get("weight_decay", 0.0) for group in optimizer.param_groups),
        "update": update | {f"beta{i}": float(beta) for i, beta in enumerate(betas, start=1)},
        "set_aside": tuple(
            layer
            for layer, module in layers.items()
            if not any(p.requires_grad or id(p) in has for p in kernels_of(module))
        ),
        "slower": _slower(optimizer, layers),
        "left_out": tuple(
            layer
            for layer, module in layers.items()
            if any(p.requires_grad and id(p) not in has for p in kernels_of(module))
        ),
        "unregistered": _unregistered(network, has),
    }


def _slower(optimizer: Optimizer, layers: Mapping[str, nn.Module]) -> tuple[str, ...]:
    rates = {id(p): peak(group) for group in optimizer.param_groups for p in group["params"]}
    own = {layer: [rates[id(p)] for p in kernels_of(module) if id(p) in rates] for layer, module in layers.items()}
    fastest = {layer: max(found) for layer, found in own.items() if found}
    return tuple(layer for layer, rate in fastest.items() if rate < max(fastest.values()))


def _unregistered(network: nn.Module, has: set[int]) -> tuple[str, ...]:
    """Where lists and dicts of the network hold weights that are not the network's, nor the optimizer's, and that got a
    gradient: a frozen teacher, kept out of `parameters()` on purpose, gets none."""
    known = has | {id(parameter) for parameter in network.parameters()}
    found = []
    for name, module in network.named_modules():
        for path, held in _held(vars(module), name):
            if any(id(p) not in known and p.grad is not None for p in held):
                found.append(path)
    return tuple(found)


def _held(values: Any, path: str) -> Iterator[tuple[str, list[nn.Parameter]]]:
    """The parameters of modules in nested lists, tuples and dicts, and where they stand, as `blocks.0`."""
    if isinstance(values, nn.Module):
        yield path, list(values.parameters())
    elif isinstance(values, nn.Parameter):
        yield path, [values]
    elif isinstance(values, dict | list | tuple | set):
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):
            yield from _held(value, f"{path}.{key}".lstrip("."))
