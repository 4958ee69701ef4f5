"""A network reduced to a chain of weight layers, each with its activation and poolings."""

from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from cnnlab.common.errors import NotApplicable
from cnnlab.networks.layers import weight_layers, weight_of
from cnnlab.networks.modules.moments import LINEAR, Activation, of_module
from cnnlab.networks.modules.poolings import Takes
from cnnlab.networks.modules.table import LayerType, layer_type
from cnnlab.networks.modules.windows import Pair, Window, padding
from cnnlab.networks.trace import Call, trace

Padding = tuple[int, int, int, int]  # left, right, top, bottom, as in F.pad


@dataclass(frozen=True)
class Pool:
    """Non-overlapping (k, m) windows, reduced by max, mean or sum."""

    window: Pair
    takes: Takes
    output: Pair

    @property
    def largest(self) -> bool:
        return self.takes == "max"

    @property
    def whole(self) -> bool:
        """A global average."""
        return not self.largest and self.output == (1, 1)


@dataclass(frozen=True)
class Layer:
    """One weight layer. A fully connected one is a convolution whose kernel covers its whole input map.

    `keep`: dropout's keep probability on the inputs. `output`: size of the pre-activation map.
    """

    name: str
    module: nn.Conv2d | nn.Linear
    c_in: int
    c_out: int
    kernel: Pair
    stride: Pair
    padding: Padding
    keep: float
    output: Pair
    activated_by: Activation | None = None
    pools: tuple[Pool, ...] = ()

    @property
    def activation(self) -> Activation:
        return self.activated_by or LINEAR

    @property
    def pooled(self) -> Pair:
        """Size of the map after the poolings."""
        return self.pools[-1].output if self.pools else self.output


def read_layers(network: nn.Module, image_shape: tuple[int, int, int]) -> list[Layer]:
    """The layers in execution order. Raises NotApplicable, naming the first module without a formula."""
    passed = trace(network, image_shape)
    if not passed.plain:
        raise NotApplicable("the network is not a plain chain of layers")
    return _Reader(network, image_shape).read(passed.calls)


class _Reader:
    def __init__(self, network: nn.Module, image_shape: tuple[int, int, int]):
        self.names = {id(module): name for name, module in weight_layers(network).items()}
        self.layers: list[Layer] = []
        self.c, self.size = image_shape[0], (image_shape[1], image_shape[2])
        self.place = "before"  # kind of the last call: before (the next weights) | weights | activation | pool
        self._forget()

    def _forget(self) -> None:
        self.padding, self.keep = (0, 0, 0, 0), 1.0

    def read(self, calls: list[Call]) -> list[Layer]:
        for call in calls:
            known = layer_type(call.module)
            if known is None:
                raise _no_formula(call)
            match known.role:
                case "weights":
                    self._weights(call)
                case "activation":
                    self._activation(call)
                case "pooling":
                    self._pool(call, known)
                case "padding" | "dropout" | "flatten":
                    self._before(call, known)
                case "nothing":
                    pass
                case _:
                    raise _no_formula(call)
        self._check_logits()
        return self.layers

    def _weights(self, call: Call) -> None:
        module: Any = call.module
        if id(module) not in self.names:
            raise NotApplicable(f"{call.name} runs twice, so its weights are not independent")
        name = self.names.pop(id(module))
        if weight_of(module) is None:
            raise NotApplicable(f"the weights of {name} are computed (parametrized, normalized or pruned)")
        if isinstance(module, nn.Linear):
            if len(call.input) != 1:
                raise NotApplicable(f"{call.name} is fully connected along the last axis of a map")
            kernel, stride, output = self.size, (1, 1), (1, 1)
            c_out = module.out_features
        else:
            if module.groups != 1 or module.dilation != (1, 1) or module.padding_mode != "zeros":
                raise NotApplicable(f"{call.name} has groups, dilation or non-zero padding")
            kernel, stride, output = _pair(module.kernel_size), _pair(module.stride), _pair(call.output[1:])
            c_out = module.out_channels
            (top, left), (bottom, right) = padding(module)
            self._pad((left, right, top, bottom))
        layer = Layer(name, module, self.c, c_out, kernel, stride, self.padding, self.keep, output)
        self.layers.append(layer)
        self.c, self.size, self.place = c_out, output, "weights"
        self._forget()

    def _activation(self, call: Call) -> None:
        activation = of_module(call.module)
        if activation is None:
            raise _no_formula(call)
        if self.place != "weights":
            raise NotApplicable(f"{call.name} does not follow its layer directly")
        self.layers[-1] = replace(self.layers[-1], activated_by=activation)
        self.place = "activation"

    def _pool(self, call: Call, known: LayerType) -> None:
        if self.place == "before":
            raise NotApplicable(f"{call.name} does not follow a layer or its activation directly")
        takes = known.pooling.takes(call.module) if known.pooling else None
        window = known.window(call, self.size)
        if takes is None or window is None:
            raise _no_formula(call)
        if window != Window(window.kernel, window.kernel):
            raise NotApplicable(f"the windows of {call.name} overlap, are padded or differ in size")
        if takes == "max" and self.place == "pool":
            raise NotApplicable(f"{call.name} is a max pool after another pooling")
        output, last = _pair(call.output[1:]), self.layers[-1]
        self.layers[-1] = replace(last, pools=(*last.pools, Pool(window.kernel, takes, output)))
        self.size, self.place = output, "pool"

    def _before(self, call: Call, known: LayerType) -> None:
        module: Any = call.module
        if known.role == "dropout":
            if type(module) is not nn.Dropout:
                raise _no_formula(call)
            self.keep *= 1 - module.p if module.training else 1
        elif known.role == "padding":
            if module.value != 0:
                raise NotApplicable(f"{call.name} pads with a value other than zero")
            left, right, top, bottom = module.padding
            self._pad((left, right, top, bottom))
        elif len(call.output) != 1 or any(self.padding):
            raise NotApplicable(f"{call.name} does not flatten a whole map of activations")
        self.place = "before"

    def _pad(self, padding: Padding) -> None:
        left, right, top, bottom = (a + b for a, b in zip(self.padding, padding, strict=True))
        self.padding = (left, right, top, bottom)

    def _check_logits(self) -> None:
        if not self.layers:
            raise NotApplicable("the network has no weights")
        last = self.layers[-1]
        if last.output != (1, 1) or last.pools or last.activated_by is not None:
            raise NotApplicable(f"the last layer, {last.name}, does not produce the logits")


def _no_formula(call: Call) -> NotApplicable:
    return NotApplicable(f"there is no formula for {call.name} ({type(call.module).__name__})")


def _pair(value: object) -> Pair:
    if isinstance(value, int):
        return value, value
    first, second = value  # pyright: ignore[reportGeneralTypeIssues]
    return int(first), int(second)
