"""Torch functions as the layers that do the same, so that tables, theory and memory need to know layers only."""

import re
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from torch import Tensor, nn

from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.poolings import POOLING_TYPES


class Sum(nn.Module):
    """x + y of two maps of one shape; `inplace`: x += y."""

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace


class Concatenation(nn.Module):
    """Along the channels."""


class Function(nn.Module):
    """A function of torch that no layer equals. `name`: torch's, without underscores."""

    def __init__(self, name: str):
        super().__init__()
        self.name = name.strip("_")


Arguments = tuple[tuple, Mapping[str, Any]]


def layers_like(function: Callable[..., Any], arguments: Arguments, result: Any) -> list[nn.Module]:
    """The layers that do in turn what function(*args, **kwargs) did to its first argument, or to all the maps in it.

    A `Function` where there is none, or where the arguments do not tell: a dropout that is off may be on in training.
    """
    name = function.__name__
    (x, *rest), named = _first_and_rest(arguments)
    if isinstance(result, Tensor):
        maker = _MAKERS.get(name.strip("_").removeprefix("i" if name.startswith("__i") else ""))
        try:
            layers = maker(x, result, *rest, **named) if maker else None
        except (TypeError, ValueError):  # arguments that the layer does not take
            layers = None
        if layers:
            for layer in layers:
                if name.endswith("_") and not name.endswith("__") and hasattr(layer, "inplace"):
                    layer.inplace = True  # pyright: ignore[reportArgumentType]
            return layers
    return [Function(name)]


def _first_and_rest(arguments: Arguments) -> tuple[list[Any], dict[str, Any]]:
    args, named = list(arguments[0]), dict(arguments[1])
    for key in ("input", "tensors"):
        if not args and key in named:
            args = [named.pop(key)]
    return args or [None], named


def _layer(make: type[nn.Module]) -> Callable[..., list[nn.Module]]:
    """torch's functions have the arguments of its layers, in the same order."""

    def maker(x: Any, result: Tensor, *rest: Any, **named: Any) -> list[nn.Module] | None:
        known = isinstance(x, Tensor) and not any(isinstance(v, Tensor) for v in (*rest, *named.values()))
        return [make(*rest, **named)] if known else None

    return maker  # type: ignore[return-value]


def _same(x: Any, result: Tensor, *rest: Any, **named: Any) -> list[nn.Module]:
    return [nn.Identity()] if result.shape == x.shape and result.dtype == x.dtype else []


def _reshape(x: Tensor, result: Tensor, *rest: Any, **named: Any) -> list[nn.Module]:
    if result.shape == x.shape:
        return [nn.Identity()]
    flat = result.dim() == 2 and result.shape[0] == x.shape[0]
    return [nn.Flatten()] if flat and result.shape[1] == prod(x.shape[1:]) else []


def _mean(x: Tensor, result: Tensor, dim: Any = None, keepdim: bool = False, **named: Any) -> list[nn.Module]:
    axes = {axis % x.dim() for axis in (dim if isinstance(dim, list | tuple) else [dim])}
    if named or x.dim() != 4 or axes != {2, 3}:
        return []
    return [nn.AdaptiveAvgPool2d(1), *([] if keepdim else [nn.Flatten()])]


def _pad(x: Tensor, result: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> list[nn.Module]:
    return [nn.ZeroPad2d(tuple(pad))] if x.dim() == 4 and len(pad) == 4 and mode == "constant" and not value else []


def _dropout(
    x: Tensor, result: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> list[nn.Module]:
    return [nn.Identity()] if p == 0 else []


def _batch_norm(
    x: Tensor,
    result: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: nn.Parameter | None = None,
    bias: nn.Parameter | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> list[nn.Module]:
    if x.dim() != 4 or (weight is None) != (bias is None):
        return []
    norm = nn.BatchNorm2d(x.shape[1], eps, affine=False, track_running_stats=False, device="meta")
    norm.weight, norm.bias = weight, bias  # type: ignore[assignment]
    return [norm]


def _sum(x: Any, result: Tensor, other: Any, **named: Any) -> list[nn.Module]:
    maps = isinstance(x, Tensor) and isinstance(other, Tensor) and x.shape == other.shape == result.shape
    return [Sum()] if maps and not named else []


def _concatenation(x: Any, result: Tensor, dim: int = 0) -> list[nn.Module]:
    return [Concatenation()] if result.dim() == 4 and dim % 4 == 1 else []


def _spelled(layer: str) -> str:
    """The function of a class: MaxPool2d is max_pool2d."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", layer).lower()


_MAKERS: dict[str, Callable[..., list[nn.Module]]] = {
    **{kind.function or name: _layer(getattr(nn, kind.layer)) for name, kind in ACTIVATIONS.items() if name != "none"},
    **{_spelled(layer): _layer(getattr(nn, layer)) for layer in POOLING_TYPES},
    **dict.fromkeys(("clone", "contiguous", "positive", "to", "float"), _same),
    **dict.fromkeys(("flatten", "view", "reshape", "squeeze"), _reshape),
    "mean": _mean,
    "pad": _pad,
    "dropout": _dropout,
    "batch_norm": _batch_norm,
    "add": _sum,
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenation),
}
