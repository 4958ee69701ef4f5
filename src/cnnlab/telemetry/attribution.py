"""Which layer an activation belongs to: tensors are tracked from the layer that produced them.

A layer's output stays attributed to it through normalization, pooling, dropout and reshaping, up to the first
activation, module or function. The result of a sum, product, concatenation or another layer is attributed to none;
and if such a function, or a second activation, also gets the layer's output or what it was carried to, as in
x * sigmoid(x) and in shortcuts around a norm, the layer has no activation of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from weakref import ref

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.nn import functional as F
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.overrides import TorchFunctionMode, _get_current_function_mode, _get_current_function_mode_stack

from cnnlab.networks.global_norm import global_batch_norm
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.trace import version_of
from cnnlab.telemetry.foreign_weights import ForeignWeights

Function = Callable[..., Any]

_CARRYING = (
    *("batch_norm", "layer_norm", "group_norm", "instance_norm", "local_response_norm", "rms_norm", "lp_pool2d"),
    *("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "pad"),
    *("contiguous", "clone", "to", "float", "half", "bfloat16"),
    *(
        f"{kind}_pool{n}d{end}"
        for kind in ("max", "avg", "adaptive_avg", "adaptive_max")
        for n in (1, 2, 3)
        for end in ("", "_with_indices")
    ),
)
_RESHAPING = ("flatten", "unflatten", "reshape", "reshape_as", "view", "view_as", "squeeze", "unsqueeze")
_PERMUTING = ("permute", "transpose", "swapaxes", "movedim")


def _named(name: str) -> Iterator[Function]:
    """The functions of that name in torch, out of place and in place."""
    for home in (F, torch, Tensor):
        for spelling in (name, f"{name}_"):
            function = getattr(home, spelling, None)
            if function is not None:
                yield function


ACTIVATING = {function: name for name, kind in ACTIVATIONS.items() for function in _named(kind.function or name)}
RESHAPING = {function for name in _RESHAPING for function in _named(name)}
PERMUTING = {function for name in _PERMUTING for function in _named(name)}
CARRYING = {function for name in _CARRYING for function in _named(name)} - ACTIVATING.keys() | RESHAPING | PERMUTING
CARRYING.add(global_batch_norm)
BACKWARD = {Tensor.backward, torch.autograd.backward, torch.autograd.grad}
SOFTMAX, LOG_SOFTMAX = {*_named("softmax")}, {*_named("log_softmax")}
LOSSES, IN_ORDER = {F.cross_entropy, F.nll_loss}, CARRYING - PERMUTING
ROUNDING = 0.1  # above 0, of the logarithm of a probability that something was added to; plain outputs soon pass it
SEEN = torch.tensor(1.0)  # made here, since inside torch.func it would be wrapped


class Units(NamedTuple):
    """Where a tensor has a layer's units: along `axis`, or, behind flattening, at its beginning: `count` groups."""

    axis: int
    count: int

    def second(self, x: Tensor) -> Tensor:
        """`x` as (N, units, ...)."""
        if x.shape[self.axis] != self.count:
            x = x.unflatten(self.axis, (self.count, -1))
        return x.movedim(self.axis, 1) if self.axis > 1 else x


class _Softmax(NamedTuple):
    """What a softmax, or its logarithm, gave. `over_images`: not over the classes."""

    tensor: ref[Tensor]
    log: bool
    over_images: bool

    def carried(self, to: Tensor, x: Tensor) -> "_Softmax":
        """A map that gets its batch of one only behind the softmax has no images to mix."""
        return self._replace(tensor=ref(to), over_images=self.over_images and to.shape[:1] == x.shape[:1])


class Listener(Protocol):
    """Is notified of what happens to layers' outputs."""

    def carried_to_activation(self, layer: str, x: Tensor, units: Units) -> None:
        """An activation is about to get, and may overwrite, `x`, which was carried from the layer's output."""
        ...

    def activation_ran(
        self, layer: str, function: Function, arguments: tuple[tuple, dict], y: Tensor, units: Units
    ) -> None:
        """The call function(x, *arguments[0], **arguments[1]) of the activation returned `y`."""
        ...

    def activation_is_ambiguous(self, layer: str) -> None:
        """The layer's output also went to another function."""
        ...

    def loss_gets(self, x: Tensor, mistakes: Mapping[str, Tensor], mean: Tensor | None) -> None:
        """Cross entropy, or `nll_loss`, got `x`, and was `mean` over the images; None inside torch.func. `mistakes`,
        with 1 where they are: "softmax", of which cross entropy takes a softmax once more; "over_images", of a softmax
        over them; "single", of one class; "unlogged", no logarithm of probabilities for `nll_loss`."""
        ...


@dataclass
class _Call:
    """One call of a layer, and whether an activation, or another function, has received its output."""

    layer: str
    activated: bool = False
    elsewhere: bool = False


@dataclass
class _Owned:
    """A call's output, or a tensor `carried` from it. `version`: a change in place ends the attribution."""

    tensor: ref[Tensor]
    call: _Call
    units: Units
    version: int
    carried: bool = False


class Attribution(TorchFunctionMode):
    """Tracks tensors through every torch function called inside `with attribution:`."""

    def __init__(self, listener: Listener, foreign: ForeignWeights | None = None):
        super().__init__()
        self.listener, self.foreign = listener, foreign
        self.activations: set[str] = set()  # by name, all that ran
        self.used: set[int] = set()  # ids of parameters that a function got
        self._owned: dict[int, _Owned] = {}  # by id, which a later tensor may have
        self._softmaxes: dict[int, _Softmax] = {}  # by id: results of one, and what they were carried to
        self._paused = False  # in an optimizer's step, whose hundred functions on tensors are none of a layer
        self._off = False  # in a backward pass, for which torch turns the mode off

    def __enter__(self) -> "Attribution":
        self._hooks = (
            register_optimizer_step_pre_hook(lambda *_: self._pause()),
            register_optimizer_step_post_hook(lambda *_: self._resume()),
        )
        return super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        for hook in self._hooks:
            hook.remove()
        self._resume()  # where the optimizer raised
        super().__exit__(*exception)

    def _pause(self) -> None:
        if _get_current_function_mode() is self:  # not below a mode of somebody else
            super().__exit__(None, None, None)
            self._paused = True

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            super().__enter__()

    def _backward(self, func: Function, args: tuple, kwargs: dict) -> Any:
        outer, self._off = self._off, True
        try:
            return func(*args, **kwargs)
        finally:
            self._off = outer

    def own(self, layer: str, output: Tensor, units: Units) -> None:
        """Attribute `output`, just returned, to `layer`."""
        self._resume()  # the optimizer calls the network, as LBFGS does
        if self._off and self not in _get_current_function_mode_stack():
            super().__enter__()  # the backward pass does, for a checkpoint, and leaves it as it was
        self._own(output, _Call(layer), units)

    def is_softmax(self, x: Any) -> bool:
        """Whether it is what a softmax gave, flattened or pooled."""
        return (found := self._softmax(x)) is not None and not found.log

    def _softmax(self, x: Any) -> _Softmax | None:
        found = self._softmaxes.get(id(x))
        return found if found is not None and found.tensor() is x else None

    def __torch_function__(self, func: Function, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func in BACKWARD:
            return self._backward(func, args, kwargs)
        if func in ACTIVATING:
            self.activations.add(ACTIVATING[func])
        if func in ACTIVATING or func in CARRYING:
            owned = self._owner(args[0] if args else kwargs.get("input"))
            if owned is not None:
                run = self._activate if func in ACTIVATING else self._carry
                return run(owned, func, args, kwargs)
            result = func(*args, **kwargs)
            # Permuted, as between heads of attention, another dimension than the softmax's is mixed by what follows.
            if func in IN_ORDER and isinstance(result, Tensor) and args and (made := self._softmax(args[0])):
                self._softmaxes[id(result)] = made.carried(result, args[0])
            return result
        result = func(*args, **kwargs)
        if func in LOSSES:
            self._into_loss(func, args[0] if args else kwargs.get("input"), result, kwargs.get("reduction", "mean"))
        if func in SOFTMAX or func in LOG_SOFTMAX:
            over = args[1] if len(args) > 1 else kwargs.get("dim")
            images = isinstance(over, int) and result.dim() > 1 and over % result.dim() == 0
            self._softmaxes[id(result)] = _Softmax(ref(result), func in LOG_SOFTMAX, images)
        if isinstance(result, Tensor | tuple | list) and func is not Tensor.detach:
            self._gone_elsewhere((*args, *kwargs.values()), result)
        return result

    def _into_loss(self, func: Function, x: Any, loss: Tensor, reduction: str) -> None:
        if not isinstance(x, Tensor) or not x.numel():
            return
        made, cross_entropy = self._softmax(x), func is F.cross_entropy
        plain = not any(map(is_functorch_wrapped_tensor, (x, loss)))
        mistakes = {"over_images": SEEN} if made is not None and made.over_images else {}
        mistakes |= {"softmax": SEEN} if cross_entropy and made is not None and not made.log else {}
        mistakes |= {"single": SEEN} if cross_entropy and x.dim() > 1 and x.shape[1] == 1 else {}
        if plain and not cross_entropy and made is None:
            mistakes["unlogged"] = (x.detach().amax() > ROUNDING).float()
        summed = x.numel() / x.shape[1 if x.dim() > 1 else 0] if reduction == "sum" else 1
        self.listener.loss_gets(x, mistakes, loss.detach().mean() / summed if plain else None)

    def _own(self, x: Tensor, call: _Call, units: Units, carried: bool = False) -> None:
        self._owned[id(x)] = _Owned(ref(x), call, units, version_of(x), carried)

    def _owner(self, x: Any) -> _Owned | None:
        owned = self._owned.get(id(x))
        return owned if owned is not None and owned.tensor() is x and owned.version == version_of(x) else None

    def _carry(self, owned: _Owned, func: Function, args: tuple, kwargs: dict) -> Any:
        result = func(*args, **kwargs)
        output = result[0] if isinstance(result, tuple) else result
        if isinstance(output, Tensor):
            with torch._C.DisableTorchFunction():
                x = args[0] if args else kwargs["input"]
                units = _units_after(owned.units, func, x, args[1:], kwargs, output)
            if units is None:
                owned.call.elsewhere = True  # its units can no longer be told apart
            else:
                self._own(output, owned.call, units, carried=True)
        return result

    def _activate(self, owned: _Owned, func: Function, args: tuple, kwargs: dict) -> Any:
        call = owned.call
        if call.elsewhere or call.activated:
            call.elsewhere = True
            self.listener.activation_is_ambiguous(call.layer)
            return func(*args, **kwargs)
        x, rest = (args[0], args[1:]) if args else (kwargs["input"], ())
        call.activated = True
        if owned.carried:
            self.listener.carried_to_activation(call.layer, x, owned.units)
        result = func(*args, **kwargs)
        if result is x:
            del self._owned[id(x)]  # in place, or the identity: from now on `x` is the activation's output
        named = {key: value for key, value in kwargs.items() if key != "input"}
        self.listener.activation_ran(call.layer, func, (rest, named), result, owned.units)
        return result

    def _gone_elsewhere(self, args: tuple, result: Tensor | Iterable[Any]) -> None:
        results = [x for x in ([result] if isinstance(result, Tensor) else result) if isinstance(x, Tensor)]
        for argument in args:
            for x in argument if isinstance(argument, list | tuple) else (argument,):
                if type(x) is nn.Parameter:
                    self.used.add(id(x))
                    if self.foreign is not None:
                        self.foreign.used(x)
                # Looked up here first: a step has hundreds of arguments, of which few are owned.
                owned = self._owner(x) if id(x) in self._owned else None
                # What is computed without a gradient from a tensor that has one is looked at, not used.
                if owned is not None and any(made.requires_grad or not x.requires_grad for made in results):
                    owned.call.elsewhere = True
                    if owned.call.activated:
                        self.listener.activation_is_ambiguous(owned.call.layer)


def _units_after(units: Units, function: Function, x: Tensor, rest: tuple, named: dict, result: Tensor) -> Units | None:
    """Of `result`; None where they are no longer in one place, or the images no longer first."""
    axis, count = units
    if function in PERMUTING:
        sides = torch.empty([*range(2, 2 + x.dim())], device="meta")  # all different, to be recognized
        named = {key: value for key, value in named.items() if key != "input"}
        order = [side - 2 for side in function(sides, *rest, **named).shape]
        return Units(order.index(axis), count) if order[0] == 0 else None
    if function not in RESHAPING:
        return units if result.dim() == x.dim() and result.shape[axis] == x.shape[axis] else None
    if result.shape[:axis] == x.shape[:axis] and result.dim() > axis and result.shape[axis] % count == 0:
        return units
    behind = x.dim() - axis  # from the units on
    if x.shape[axis] == count and result.dim() > behind and result.shape[-behind:] == x.shape[axis:]:
        return Units(result.dim() - behind, count)
    return None
