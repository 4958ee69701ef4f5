"""A network as the theory sees it: weight layers one after the other, each with its activation and pooling."""

from dataclasses import dataclass, replace

from torch import nn

from cnnlab.networks.layers import weight_layers
from cnnlab.networks.trace import Call, trace
from cnnlab.theory import activations
from cnnlab.theory.activations import Activation
from cnnlab.theory.applicability import NotApplicable

Pair = tuple[int, int]  # (vertical, horizontal)
Padding = tuple[int, int, int, int]  # left, right, top, bottom, as in F.pad


@dataclass(frozen=True)
class Pool:
    """Windows (k, m) side by side. `divisor`: of the sum; None stands for the cells inside the map, 0 for max."""

    window: Pair
    divisor: int | None
    output: Pair

    @property
    def largest(self) -> bool:
        return self.divisor == 0

    @property
    def whole(self) -> bool:
        """An average over all positions that are left."""
        return not self.largest and self.output == (1, 1)


@dataclass(frozen=True)
class Layer:
    """One weight layer. A fully connected one is a convolution whose kernel is the whole map that it gets.

    `keep`: share of inputs that dropout leaves. `output`: size of the map of pre-activations.
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
        return self.activated_by or activations.LINEAR

    @property
    def pooled(self) -> Pair:
        """Size of the map behind the poolings."""
        return self.pools[-1].output if self.pools else self.output


def read_layers(network: nn.Module, image_shape: tuple[int, int, int]) -> list[Layer]:
    """The layers in the order in which they run; NotApplicable names the first module with no formula."""
    passed = trace(network, image_shape)
    if not passed.plain:
        raise NotApplicable("the network does more than pass its layers one after the other")
    return _Reader(network, image_shape).read(passed.calls)


class _Reader:
    def __init__(self, network: nn.Module, image_shape: tuple[int, int, int]):
        self.names = {id(module): name for name, module in weight_layers(network).items()}
        self.layers: list[Layer] = []
        self.c, self.size = image_shape[0], (image_shape[1], image_shape[2])
        self.place = "before"  # before the next weights | weights | activation | pool: what came last
        self._forget()

    def _forget(self) -> None:
        self.padding, self.keep = (0, 0, 0, 0), 1.0

    def read(self, calls: list[Call]) -> list[Layer]:
        for call in calls:
            module = call.module
            if isinstance(module, nn.Conv2d | nn.Linear):
                self._weights(call, module)
            elif isinstance(module, nn.MaxPool2d | nn.AvgPool2d | nn.AdaptiveAvgPool2d):
                self._pool(call, module)
            elif isinstance(module, nn.Dropout | nn.ZeroPad2d | nn.Flatten):
                self._before(call, module)
            else:
                self._activation(call, module)
        self._check_logits()
        return self.layers

    def _weights(self, call: Call, module: nn.Conv2d | nn.Linear) -> None:
        if id(module) not in self.names:
            raise NotApplicable(f"{call.name} runs twice, so its weights are not independent")
        name = self.names.pop(id(module))
        if isinstance(module, nn.Linear):
            if len(call.input) != 1:
                raise NotApplicable(f"{call.name} is fully connected along one side of a map")
            kernel, stride, output = self.size, (1, 1), (1, 1)
            c_out = module.out_features
        else:
            if module.groups != 1 or module.dilation != (1, 1) or module.padding_mode != "zeros":
                raise NotApplicable(f"{call.name} has groups, dilation or a padding other than zeros")
            kernel, stride, output = _pair(module.kernel_size), _pair(module.stride), _pair(call.output[1:])
            c_out = module.out_channels
            self._pad(_padding(module))
        layer = Layer(name, module, self.c, c_out, kernel, stride, self.padding, self.keep, output)
        self.layers.append(layer)
        self.c, self.size, self.place = c_out, output, "weights"
        self._forget()

    def _activation(self, call: Call, module: nn.Module) -> None:
        activation = activations.of_module(module)
        if activation is None:
            raise NotApplicable(f"there is no formula for {call.name} ({type(module).__name__})")
        if activation is activations.LINEAR and self.place != "weights":
            return
        if self.place != "weights":
            raise NotApplicable(f"{call.name} does not follow its layer directly")
        self.layers[-1] = replace(self.layers[-1], activated_by=activation)
        self.place = "activation"

    def _pool(self, call: Call, module: nn.MaxPool2d | nn.AvgPool2d | nn.AdaptiveAvgPool2d) -> None:
        if self.place == "before":
            raise NotApplicable(f"{call.name} does not follow a layer or its activation directly")
        divisor: int | None = None
        if isinstance(module, nn.AdaptiveAvgPool2d):
            window = self.size
            plain = _pair(module.output_size) == (1, 1)
        else:
            window = _pair(module.kernel_size)
            plain = _pair(module.stride) == window and _pair(module.padding) == (0, 0)
            plain = plain and _pair(getattr(module, "dilation", 1)) == (1, 1)
            divisor = 0 if isinstance(module, nn.MaxPool2d) else module.divisor_override
            if divisor == 0 and self.place == "pool":
                raise NotApplicable(f"{call.name} takes the largest of what is pooled already")
        if not plain:
            raise NotApplicable(f"the windows of {call.name} overlap, are padded or differ in size")
        output, last = _pair(call.output[1:]), self.layers[-1]
        self.layers[-1] = replace(last, pools=(*last.pools, Pool(window, divisor, output)))
        self.size, self.place = output, "pool"

    def _before(self, call: Call, module: nn.Dropout | nn.ZeroPad2d | nn.Flatten) -> None:
        if isinstance(module, nn.Dropout):
            self.keep *= 1 - module.p if module.training else 1
        elif isinstance(module, nn.ZeroPad2d):
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
            raise NotApplicable(f"the last layer, {last.name}, does not give the logits")


def _padding(module: nn.Conv2d) -> Padding:
    if isinstance(module.padding, str):
        down, across = _pair(module.kernel_size) if module.padding == "same" else (1, 1)
        return (across - 1) // 2, across // 2, (down - 1) // 2, down // 2
    down, across = _pair(module.padding)
    return across, across, down, down


def _pair(value: object) -> Pair:
    if isinstance(value, int):
        return value, value
    first, second = value  # pyright: ignore[reportGeneralTypeIssues]
    return int(first), int(second)
