"""Which layer a non-linearity belongs to: tensors are followed from the layer that made them.

A layer's output stays the layer's through normalization, pooling, dropout and changes of shape, until an activation,
module or function, gets it. What a sum, a product, a concatenation or another layer makes of it is nobody's; and where
such a function gets what an activation gets too (x * sigmoid(x)), the activation is not attributed at all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary, WeakTensorKeyDictionary

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
    """The function of that name, wherever torch has it, in place and not."""
    for home in (F, torch, Tensor):
        for spelling in (name, f"{name}_"):
            function = getattr(home, spelling, None)
            if function is not None:
                yield function


ACTIVATING = {function for name, kind in ACTIVATIONS.items() for function in _named(kind.function or name)}
CARRYING = {function for name in _CARRYING for function in _named(name)} - ACTIVATING


class Listener(Protocol):
    """Whoever wants to know what becomes of a layer's output."""

    def carried_to_activation(self, layer: str, x: Tensor) -> None:
        """An activation is about to get `x`, another tensor than the layer's output, and may overwrite it."""
        ...

    def activation_ran(self, layer: str, function: Function, arguments: tuple[tuple, dict], y: Tensor) -> None:
        """The activation returned `y`; called as function(x, *arguments[0], **arguments[1])."""
        ...

    def activation_is_ambiguous(self, layer: str) -> None:
        """What the activation got has gone another way, too."""
        ...


@dataclass
class _Call:
    """One call of a layer, and whether an activation has got what it returned."""

    layer: str
    activated: bool = False


@dataclass
class _Owned:
    """A call's output, or a tensor that it was `carried` to. `version`: a change in place raises it, and then it is
    the call's no more. `activated`, `elsewhere`: an activation, another function has got this very tensor."""

    call: _Call
    version: int
    carried: bool = False
    activated: bool = False
    elsewhere: bool = False


class Attribution(TorchFunctionMode):
    """Follows tensors through every torch function that is called inside `with attribution:`."""

    def __init__(self, listener: Listener):
        super().__init__()
        self.listener = listener
        self._owned: WeakIdKeyDictionary = WeakTensorKeyDictionary()

    def own(self, layer: str, output: Tensor) -> None:
        """`output` is what the layer has just returned."""
        self._owned[output] = _Owned(_Call(layer), _version(output))

    def __torch_function__(self, func: Function, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func in ACTIVATING or func in CARRYING:
            x = args[0] if args else kwargs.get("input")
            owned = self._owner(x)
            if owned is not None:
                run = self._activate if func in ACTIVATING else self._carry
                return run(owned, func, args, kwargs)
            return func(*args, **kwargs)
        result = func(*args, **kwargs)
        if isinstance(result, Tensor) and (result.requires_grad or not torch.is_grad_enabled()):
            self._gone_elsewhere(args)
        return result

    def _owner(self, x: Any) -> _Owned | None:
        owned = self._owned.get(x) if isinstance(x, Tensor) else None
        return owned if owned is not None and owned.version == _version(x) else None

    def _carry(self, owned: _Owned, func: Function, args: tuple, kwargs: dict) -> Any:
        result = func(*args, **kwargs)
        output = result[0] if isinstance(result, tuple) else result
        if isinstance(output, Tensor):
            self._owned[output] = _Owned(owned.call, _version(output), carried=True)
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
            self._owned.pop(x)  # in place, or no activation at all: from here on it is the activation's output
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
