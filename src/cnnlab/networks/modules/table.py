"""Classes of torch.nn: role, window, and what they save for the backward pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cnnlab.common.errors import InputError, did_you_mean
from cnnlab.networks.modules.activations import ACTIVATIONS, ActivationType
from cnnlab.networks.modules.functions import Concatenation, Sum
from cnnlab.networks.modules.poolings import POOLING_TYPES, POOLINGS, PoolingType
from cnnlab.networks.modules.windows import Pair, Window, padding, pair
from cnnlab.networks.trace import Call

Role = Literal[
    "weights", "activation", "pooling", "norm", "padding", "dropout", "flatten", "nothing", "sum", "concatenation"
]

FLOAT, INDEX = 4, 8  # bytes of a float32, and of the int64 index that max pooling saves per output


class NoActivation(nn.Identity):
    """Placeholder in a linear network, so that telemetry has the same keys for every `model.activation`."""

    def forward(self, input: Tensor) -> Tensor:
        return torch.positive(input)  # returns its input, through a function that the probe can see


@dataclass(frozen=True)
class Saved:
    """What a layer saves for the backward pass: input or output map, further bytes per image, bytes per batch.

    `reuses`: output and input share storage (a view, or in place).
    """

    input: bool = False
    output: bool = False
    image: int = 0
    batch: int = 0
    reuses: bool = False


@dataclass(frozen=True)
class LayerType:
    """`window(call, size of the last flattened map)` and `saved(call)`, for a call that needs gradients, return None
    where there is no formula."""

    role: Role
    kind: Callable[[Call], str]
    window: Callable[[Call, Pair], Window | None] = lambda call, size: Window()
    saved: Callable[[Call], Saved | None] = lambda call: None
    activation: ActivationType | None = None
    pooling: PoolingType | None = None


def layer_type(module: nn.Module) -> LayerType | None:
    """The entry of a module's class, or of the class whose `forward` it inherits; None if unknown."""
    table = _table()
    for base in type(module).__mro__:
        if base in table:
            same = base is type(module) or type(module).forward is base.forward
            return table[base] if same else None
    return None


def activation_layer(name: str) -> nn.Module:
    """The activation of that name in ACTIVATIONS, as a layer. Raises InputError for an unknown name."""
    return _activation_class(_entry("activation", name, ACTIVATIONS))()


def pooling_layer(name: str) -> nn.Module:
    """The 2x2 pooling of that name in POOLINGS, as a layer. Raises InputError for an unknown name."""
    layer, arguments = _entry("pooling", name, POOLINGS)
    return getattr(nn, layer)(**arguments)


def _entry(what: str, name: str, table: Mapping[str, Any]) -> Any:
    if name not in table:
        raise InputError(f"There is no {what} '{name}'.{did_you_mean(name, table)}\nThere are: {', '.join(table)}.")
    return table[name]


@cache
def _table() -> dict[type[nn.Module], LayerType]:
    table: dict[type[nn.Module], LayerType] = {
        nn.Conv2d: LayerType("weights", _named("convolution"), _convolution, _kept_by_convolution),
        nn.Linear: LayerType("weights", _named("fully connected"), _fully_connected, _kept_by_weights),
        nn.BatchNorm2d: LayerType("norm", _named("batch norm"), saved=_kept_by_batch_norm),
        # Mean and deviation couple all cells, so no window describes these.
        nn.GroupNorm: LayerType("norm", _named("group norm"), _no_window, _kept_by_group_norm),
        nn.LayerNorm: LayerType("norm", _named("layer norm"), _no_window, _kept_by_layer_norm),
        nn.InstanceNorm2d: LayerType("norm", _named("instance norm"), _no_window),
        nn.ZeroPad2d: LayerType("padding", _named("padding"), _border, lambda call: Saved()),
        nn.ConstantPad2d: LayerType("padding", _named("padding"), _border, lambda call: Saved()),
        nn.Dropout: LayerType("dropout", _named("dropout"), saved=_kept_by_dropout),
        nn.Dropout1d: LayerType("dropout", _named("dropout")),
        nn.Dropout2d: LayerType("dropout", _named("dropout")),
        nn.Dropout3d: LayerType("dropout", _named("dropout")),
        nn.FeatureAlphaDropout: LayerType("dropout", _named("dropout")),
        nn.AlphaDropout: LayerType("dropout", _named("dropout")),
        nn.Flatten: LayerType("flatten", _named("flatten"), saved=lambda call: Saved(reuses=True)),
        Sum: LayerType("sum", _named("sum"), saved=lambda call: Saved(reuses=_in_place(call.module))),
        Concatenation: LayerType("concatenation", _named("concatenation"), saved=lambda call: Saved()),
        nn.Identity: LayerType("nothing", _named("identity"), saved=lambda call: Saved(reuses=True)),
    }
    for name, pooling in POOLING_TYPES.items():
        read = _regions if name.startswith("Adaptive") else _sliding
        table[getattr(nn, name)] = LayerType("pooling", _kind_of_pooling, read, _kept_by_pooling, pooling=pooling)
    for activation in ACTIVATIONS.values():
        table[_activation_class(activation)] = LayerType(
            "activation", _kind_of_activation, saved=_kept_by_activation, activation=activation
        )
    return table


def _activation_class(activation: ActivationType) -> type[nn.Module]:
    return NoActivation if activation.layer == "NoActivation" else getattr(nn, activation.layer)


def _named(kind: str) -> Callable[[Call], str]:
    return lambda call: kind


def _kind_of_activation(call: Call) -> str:
    name = type(call.module).__name__
    return "identity" if isinstance(call.module, NoActivation) else f"{name.lower()} activation"


def _kind_of_pooling(call: Call) -> str:
    known = layer_type(call.module)
    takes = known.pooling.takes(call.module) if known and known.pooling else None
    if takes == "mean" and isinstance(call.module, nn.AdaptiveAvgPool2d) and call.output[1:] == (1, 1):
        return "global average"
    return f"{takes} pool" if takes else f"{type(call.module).__name__.lower()} pool"


def _convolution(call: Call, size: Pair) -> Window | None:
    conv: Any = call.module
    if conv.padding_mode != "zeros":
        return None
    before, after = padding(conv)
    return Window(pair(conv.kernel_size), pair(conv.stride), before, after, pair(conv.dilation))


def _fully_connected(call: Call, size: Pair) -> Window | None:
    """After flattening, a window that covers the map."""
    return Window(size, size) if len(call.input) == 1 else None


def _no_window(call: Call, size: Pair) -> Window | None:
    return None


def _border(call: Call, size: Pair) -> Window:
    module: Any = call.module
    left, right, top, bottom = module.padding
    return Window(before=(top, left), after=(bottom, right))


def _sliding(call: Call, size: Pair) -> Window:
    pool: Any = call.module
    around = pair(getattr(pool, "padding", 0))
    stride = pair(pool.stride or pool.kernel_size)
    return Window(pair(pool.kernel_size), stride, around, around, pair(getattr(pool, "dilation", 1)))


def _regions(call: Call, size: Pair) -> Window | None:
    (height, width), (lines, columns) = call.input[1:], call.output[1:]
    if height % lines or width % columns:
        return None  # windows of several sizes
    return Window((height // lines, width // columns), (height // lines, width // columns))


def _kept_by_weights(call: Call) -> Saved:
    """The weights' gradient needs the input; frozen weights have none."""
    return Saved(input=call.module.weight.requires_grad)  # type: ignore[union-attr]


def _kept_by_convolution(call: Call) -> Saved:
    conv: Any = call.module
    if conv.weight.requires_grad:
        c, h, w = call.input
        (top, left), (bottom, right) = padding(conv)
        if conv.padding_mode != "zeros":  # the convolution works on a padded copy
            return Saved(image=FLOAT * c * (h + top + bottom) * (w + left + right))
        if (top, left) != (bottom, right):  # the odd row and column are padded on a copy, the rest by the convolution
            return Saved(image=FLOAT * c * (h + bottom - top) * (w + right - left))
    return _kept_by_weights(call)


def _kept_by_batch_norm(call: Call) -> Saved:
    return Saved(input=True, batch=2 * FLOAT * call.input[0])


def _kept_by_group_norm(call: Call) -> Saved:
    return Saved(input=True, image=2 * FLOAT * call.module.num_groups)  # type: ignore[operator]


def _kept_by_layer_norm(call: Call) -> Saved:
    groups = prod(call.input) // prod(call.module.normalized_shape)  # type: ignore[arg-type]
    return Saved(input=True, image=2 * FLOAT * groups)


def _kept_by_dropout(call: Call) -> Saved:
    if call.module.p == 0:
        return Saved(reuses=True)
    return Saved(image=FLOAT * prod(call.input), reuses=_in_place(call.module))


def _kept_by_pooling(call: Call) -> Saved:
    if isinstance(call.module, nn.AdaptiveAvgPool2d) and call.output[1:] == (1, 1):
        return Saved()  # the derivative of a mean needs the count only
    pooling = POOLING_TYPES[type(call.module).__name__]
    return Saved(input=pooling.keeps_input, image=INDEX * prod(call.output) if pooling.keeps_places else 0)


def _kept_by_activation(call: Call) -> Saved | None:
    module = call.module
    if isinstance(module, NoActivation):
        return Saved(reuses=True)
    known = layer_type(module)
    if known is None or known.activation is None or known.activation.saved is None:
        return None
    saved, in_place = known.activation.saved, _in_place(module)
    if saved == "input" and in_place:
        return Saved(image=FLOAT * prod(call.input), reuses=True)
    output = saved == "output" or in_place
    return Saved(input=not output, output=output, reuses=in_place)


def _in_place(module: nn.Module) -> bool:
    return bool(getattr(module, "inplace", False))
