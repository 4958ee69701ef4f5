"""Which layer an activation belongs to: tensors are tracked from the layer that produced them.

A layer's output stays attributed to it through normalization, pooling, dropout and reshaping, up to the first
activation, module or function. The result of a sum, product, concatenation or another layer is attributed to none;
and if such a function gets the same tensor as the activation (x * sigmoid(x)), the activation is not attributed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import ref

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from cnnlab.networks.modules.activations import ACTIVATIONS

Function = Callable[..., Any]

_CARRYING = (
    *("batch_norm", "layer_norm", "group_norm", "instance_norm", "local_response_norm", "rms_norm", "lp_pool2d"),
    *("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "pad"),
    *("flatten", "reshape", "view", "squeeze", "unsqueeze", "contiguous", "clone", "to", "float", "half", "bfloat16"),
    *(
        f"{kind}_pool{n}d{end}"
        for kind in ("max", "avg", "adaptive_avg", "adaptive_max")
        for n in (1, 2, 3)
        for end in ("", "_with_indices")
    ),
)


def _named(name: str) -> Iterator[Function]:
    """The functions of that name in torch, out of place and in place."""
    for home in (F, torch, Tensor):
        for spelling in (name, f"{name}_"):
            function = getattr(home, spelling, None)
            if function is not None:
                yield function


ACTIVATING = {function for name, kind in ACTIVATIONS.items() for function in _named(kind.function or name)}
CARRYING = {function for name in _CARRYING for function in _named(name)} - ACTIVATING


class Listener(Protocol):
    """Is notified of what happens to layers' outputs."""

    def carried_to_activation(self, layer: str, x: Tensor) -> None:
        """An activation is about to get, and may overwrite, `x`, which was carried from the layer's output."""
        ...

    def activation_ran(self, layer: str, function: Function, arguments: tuple[tuple, dict], y: Tensor) -> None:
        """The call function(x, *arguments[0], **arguments[1]) of the activation returned `y`."""
        ...

    def activation_is_ambiguous(self, layer: str) -> None:
        """The activation's input also went to another function."""
        ...


@dataclass
class _Call:
    """One call of a layer, and whether an activation has received its output."""

    layer: str
    activated: bool = False


@dataclass
class _Owned:
    """A call's output, or a tensor `carried` from it. `version`: an in-place change raises it and ends the attribution.
    `activated`, `elsewhere`: this very tensor went to an activation, to another function."""

    tensor: ref[Tensor]
    call: _Call
    version: int
    carried: bool = False
    activated: bool = False
    elsewhere: bool = False


class Attribution(TorchFunctionMode):
    """Tracks tensors through every torch function called inside `with attribution:`."""

    def __init__(self, listener: Listener):
        super().__init__()
        self.listener = listener
        self._owned: dict[int, _Owned] = {}  # by id, which a later tensor may have
        self._asleep = False  # after the backward pass, while the optimizer works and no layer runs

    def own(self, layer: str, output: Tensor) -> None:
        """Attribute `output`, just returned, to `layer`."""
        self._own(output, _Call(layer))
        self._asleep = False

    def __torch_function__(self, func: Function, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if self._asleep:
            return func(*args, **kwargs)
        if func in ACTIVATING or func in CARRYING:
            owned = self._owner(args[0] if args else kwargs.get("input"))
            if owned is not None:
                run = self._activate if func in ACTIVATING else self._carry
                return run(owned, func, args, kwargs)
            return func(*args, **kwargs)
        result = func(*args, **kwargs)
        if func is Tensor.backward:
            self._asleep = True
        elif isinstance(result, Tensor) and (result.requires_grad or not torch.is_grad_enabled()):
            self._gone_elsewhere(args)
        return result

    def _own(self, x: Tensor, call: _Call, carried: bool = False) -> None:
        self._owned[id(x)] = _Owned(ref(x), call, _version(x), carried)

    def _owner(self, x: Any) -> _Owned | None:
        owned = self._owned.get(id(x))
        return owned if owned is not None and owned.tensor() is x and owned.version == _version(x) else None

    def _carry(self, owned: _Owned, func: Function, args: tuple, kwargs: dict) -> Any:
        result = func(*args, **kwargs)
        output = result[0] if isinstance(result, tuple) else result
        if isinstance(output, Tensor):
            self._own(output, owned.call, carried=True)
        return result

    def _activate(self, owned: _Owned, func: Function, args: tuple, kwargs: dict) -> Any:
        if owned.elsewhere or owned.call.activated:
            self.listener.activation_is_ambiguous(owned.call.layer)
            return func(*args, **kwargs)
        x, rest = (args[0], args[1:]) if args else (kwargs["input"], ())
        owned.activated = owned.call.activated = True
        if owned.carried:
            self.listener.carried_to_activation(owned.call.layer, x)
        result = func(*args, **kwargs)
        if result is x:
            del self._owned[id(x)]  # in place, or the identity: from now on `x` is the activation's output
        named = {key: value for key, value in kwargs.items() if key != "input"}
        self.listener.activation_ran(owned.call.layer, func, (rest, named), result)
        return result

    def _gone_elsewhere(self, args: tuple) -> None:
        for argument in args:
            for x in argument if isinstance(argument, list | tuple) else (argument,):
                owned = self._owner(x)
                if owned is not None:
                    owned.elsewhere = True
                    if owned.activated:
                        self.listener.activation_is_ambiguous(owned.call.layer)


def _version(x: Tensor) -> int:
    return 0 if x.is_inference() else x._version
