"""What a run folder from somebody else may build: a network of a known package, by plain arguments, and nothing else.

`_target_` names any function that Python can import, so that an edited config.yaml could otherwise run any code.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import isclass, isfunction
from typing import Any

from torch import nn

from cnnlab.common.errors import InputError

PACKAGES = ("cnnlab.networks", "torch.nn", "torchvision.models")
BUILDERS = "torchvision.models"  # whose networks are made by functions
# Of torchvision's functions: weights are then downloaded, and are in the checkpoint anyway.
DOWNLOADS = ("weights", "weights_backbone")


def check_model(where: str, model: Any) -> None:
    """InputError unless building `model`, a plain mapping with a `_target_`, can only make a known network."""
    if not isinstance(model, Mapping) or not isinstance(model.get("_target_"), str):
        raise InputError(f"{where} names no network: its model has no _target_.")
    target = model["_target_"]
    if not _is_network(target):
        _refuse(where, f"model._target_={target}")
    for key, value in _nested(model):
        if key.startswith("_") and key != "_target_":
            _refuse(where, f"model has {key}")
        if isinstance(value, str) and "${" in value:
            _refuse(where, f"model.{key} is {value}")
    if any("_target_" in part for part in _parts(list(model.values()))):
        _refuse(where, "an argument of model has a _target_ of its own")
    if wanted := next((key for key in DOWNLOADS if model.get(key) is not None), None):
        _refuse(where, f"model.{wanted}={model[wanted]} would download weights")


def _refuse(where: str, what: str) -> None:
    raise InputError(
        f"{where}: {what}, and only networks of {', '.join(PACKAGES)} are built without asking, since\n"
        "anything else can run any code of whoever made the folder. If you trust it, add trust=true."
    )


def _is_network(target: str) -> bool:
    """Whether it is, where it says it is, a class of networks in a known package, or a builder of torchvision's.

    The module is imported as such: by attributes, torch.nn.modules.module.torch.hub leads anywhere.
    """
    path, _, name = target.rpartition(".")
    if not any(f"{path}.".startswith(f"{package}.") for package in PACKAGES):
        return False
    try:
        found = getattr(import_module(path), name, None)
    except ImportError:
        return False
    home = getattr(found, "__module__", "")
    if not any(f"{home}.".startswith(f"{package}.") for package in PACKAGES):
        return False
    if isclass(found):
        return issubclass(found, nn.Module)
    return isfunction(found) and f"{home}.".startswith(f"{BUILDERS}.") and _builds(name)


def _builds(name: str) -> bool:
    from torchvision.models import list_models

    return name in list_models()


def _nested(values: Any) -> Iterator[tuple[str, Any]]:
    for part in _parts(values):
        yield from ((str(key), value) for key, value in part.items())


def _parts(values: Any) -> Iterator[Mapping[Any, Any]]:
    """Every mapping in it."""
    if isinstance(values, Mapping):
        yield values
        values = list(values.values())
    for value in values if isinstance(values, (list, tuple)) else ():
        yield from _parts(value)
