"""Reads a network into the operations that theory knows, or says what it does not know."""

from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from cnnlab.common.errors import NotApplicable
from cnnlab.networks.layers import is_spread, weight_layers, weight_of
from cnnlab.networks.modules.moments import LINEAR, of_module
from cnnlab.networks.modules.table import LayerType, layer_type
from cnnlab.networks.modules.windows import Pair, padding
from cnnlab.networks.trace import IMAGE, Call, trace
from cnnlab.theory.attributed import attributed
from cnnlab.theory.graph import Activate, Add, Graph, Join, Measured, Node, Normalize, Padding, Pool, Weights

_NO_PADDING: Padding = (0, 0, 0, 0)


def read_graph(network: nn.Module, image_shape: tuple[int, int, int]) -> Graph:
    """Raises NotApplicable, naming the first module or function without a formula."""
    for name, parameter in network.named_parameters():
        if nn.parameter.is_lazy(parameter):
            raise NotApplicable(f"{name} has no shape yet: the network has not run")
    passage = trace(network, image_shape, evaluate=False)
    reader = _Reader(network, image_shape)
    for call in passage.calls:
        reader.read(call)
    reader.check_logits(passage.output)
    layers = {}
    for layer, (before, after) in attributed(passage.calls).items():
        weights, activation = reader.at[layer].node, None if after is None else reader.at[after].node
        node: Any = reader.nodes[weights]
        layers[node.layer] = Measured(weights, reader.at[before].node, activation)
    return Graph(reader.nodes, layers)


@dataclass(frozen=True)
class _At:
    """A call's output: a node's, which dropout, padding or flattening has changed since."""

    node: int
    keep: float = 1.0
    padding: Padding = _NO_PADDING
    flat: bool = False

    @property
    def plain(self) -> bool:
        return self.keep == 1.0 and self.padding == _NO_PADDING


class _Reader:
    def __init__(self, network: nn.Module, image_shape: tuple[int, int, int]):
        self.names = {id(module): name for name, module in weight_layers(network).items()}
        self.channels, self.image = image_shape[0], (image_shape[1], image_shape[2])
        self.weights: set[nn.Parameter] = set()
        self.nodes: list[Node] = []
        self.at: dict[int, _At] = {IMAGE: _At(IMAGE)}
        self.made: dict[tuple, int] = {}
        self.sources: list[frozenset[int]] = []  # by node: the layers that its output comes from, with none between

    def read(self, call: Call) -> None:
        if not call.inputs:
            raise NotApplicable(f"{call.name} does not get its input from the image")
        known = layer_type(call.module)
        fed = [self.at[place] for place in call.inputs]
        role = known.role if known else None
        match role:
            case "weights":
                now = self._weights(call, fed[0])
            case "dropout" | "padding" | "flatten":
                now = self._kept(call, role, fed[0])
            case "nothing":
                now = fed[0]
            case "activation" | "pooling" | "norm" | "sum" | "concatenation":
                if not all(at.plain for at in fed):
                    raise NotApplicable(f"{call.name} follows dropout or padding, without a layer in between")
                if role in ("activation", "pooling", "norm") and fed[0].node == IMAGE:
                    raise NotApplicable(f"{call.name} does not follow a layer or its activation directly")
                assert known is not None
                now = self._joined(call, role, known, fed)
            case _:
                raise _no_formula(call)
        self.at[len(self.at) - 1] = now

    def _joined(self, call: Call, role: str, known: LayerType, fed: list[_At]) -> _At:
        match role:
            case "activation":
                place = self._activation(call, fed[0].node)
            case "pooling":
                place = self._pooled(call, known, fed[0].node)
            case "norm":
                place = self._norm(call, fed[0].node)
            case "sum":
                place = self._sum(call, [at.node for at in fed])
            case _:
                place = self._join([at.node for at in fed])
        return _At(place, flat=fed[0].flat)

    def _weights(self, call: Call, fed: _At) -> _At:
        module: Any = call.module
        if id(module) not in self.names:
            raise NotApplicable(f"{call.name} runs twice, so its weights are not independent")
        name = self.names.pop(id(module))
        weight = weight_of(module)
        if weight is None:
            spread = any(map(is_spread, module.parameters()))
            why = "spread over processes" if spread else "computed (parametrized, normalized or pruned)"
            raise NotApplicable(f"the weights of {name} are {why}")
        if weight in self.weights:
            raise NotApplicable(f"{name} has the weights of another layer, so they are not independent")
        self.weights.add(weight)
        channels, size = self._shape(fed.node)
        groups, pad = 1, fed.padding
        if isinstance(module, nn.Linear):
            if len(call.input) != 1:
                raise NotApplicable(f"{call.name} is fully connected along the last axis of a map")
            kernel, stride, output, c_out = size, (1, 1), (1, 1), module.out_features
        else:
            if module.dilation != (1, 1) or module.padding_mode != "zeros":
                raise NotApplicable(f"{call.name} has dilation or non-zero padding")
            kernel, stride, output = _pair(module.kernel_size), _pair(module.stride), _pair(call.output[1:])
            c_out, groups = module.out_channels, module.groups
            (top, left), (bottom, right) = padding(module)
            pad = _added(pad, (left, right, top, bottom))
        node = Weights(
            (fed.node,),
            c_out,
            output,
            name,
            module,
            channels // groups,
            c_out // groups,
            kernel,
            stride,
            pad,
            fed.keep,
        )
        return _At(self._append(node, frozenset([len(self.nodes)])))

    def _activation(self, call: Call, place: int) -> int:
        activation, below = of_module(call.module), self.nodes[place]
        if activation is None:
            raise _no_formula(call)
        if isinstance(below, Join):
            return self._join([self._activation(call, branch) for branch in below.inputs])
        if isinstance(below, Activate) or (isinstance(below, Pool) and below.largest):
            raise NotApplicable(f"{call.name} does not follow its layer directly")
        node = Activate((place,), below.channels, below.size, activation)
        return self._once(("activation", place, repr(call.module)), node)

    def _pooled(self, call: Call, known: LayerType, place: int) -> int:
        """A maximum over branches is one over each."""
        below = self.nodes[place]
        takes = known.pooling.takes(call.module) if known.pooling else None
        window = known.window(call, below.size)
        if takes is None or window is None or window.dilation != (1, 1):
            raise _no_formula(call)
        if takes == "max" and isinstance(below, Join):
            return self._join([self._pooled(call, known, branch) for branch in below.inputs])
        if takes == "max" and isinstance(below, Pool):
            raise NotApplicable(f"{call.name} is a max pool after another pooling")
        activation = LINEAR
        if takes == "max" and isinstance(below, Activate):
            (place,), activation = below.inputs, below.activation
        counts = bool(getattr(call.module, "count_include_pad", True))
        whole = takes == "mean" and window.kernel == below.size and window.before == (0, 0)
        pool = Pool((place,), below.channels, _pair(call.output[1:]), window, takes, activation, counts, whole)
        return self._append(pool, self.sources[place])

    def _norm(self, call: Call, place: int) -> int:
        norm: Any = call.module
        if not isinstance(norm, nn.BatchNorm2d):
            raise _no_formula(call)
        if not norm.training and norm.running_mean is not None:
            raise NotApplicable(f"{call.name} normalizes by running statistics, in evaluation mode")
        scale, shift = (_one_value(call, values, none) for values, none in ((norm.weight, 1.0), (norm.bias, 0.0)))
        below = self.nodes[place]
        if isinstance(below, Join):  # each channel has its own mean and variance
            return self._join([self._norm(call, branch) for branch in below.inputs])
        node = Normalize((place,), below.channels, below.size, scale, shift, norm.eps)
        return self._once(("norm", place, scale, shift, norm.eps), node)

    def _sum(self, call: Call, places: list[int]) -> int:
        seen: set[int] = set()
        for place in places:
            if self._sources(place) & seen:
                raise NotApplicable(f"{call.name} adds branches that are not independent: no layer is between them")
            seen |= self._sources(place)
        channels, size = self._shape(places[0])
        return self._append(Add(tuple(places), channels, size), frozenset(seen))

    def _join(self, places: list[int]) -> int:
        channels = sum(self._shape(place)[0] for place in places)
        sources = frozenset[int]().union(*(self._sources(place) for place in places))
        return self._append(Join(tuple(places), channels, self._shape(places[0])[1]), sources)

    def _kept(self, call: Call, role: str, fed: _At) -> _At:
        module: Any = call.module
        if role == "dropout":
            if type(module) is not nn.Dropout:
                raise _no_formula(call)
            return replace(fed, keep=fed.keep * (1 - module.p if module.training else 1))
        if role == "padding":
            if module.value != 0:
                raise NotApplicable(f"{call.name} pads with a value other than zero")
            left, right, top, bottom = module.padding
            if min(module.padding) < 0:
                raise NotApplicable(f"{call.name} crops the map")
            return replace(fed, padding=_added(fed.padding, (left, right, top, bottom)))
        if len(call.output) != 1 or fed.padding != _NO_PADDING:
            raise NotApplicable(f"{call.name} does not flatten a whole map of activations")
        return replace(fed, flat=True)

    def _once(self, key: tuple, node: Node) -> int:
        """What several layers do alike to one input, as in dense blocks, is done once."""
        if key not in self.made:
            self.made[key] = self._append(node)
        return self.made[key]

    def _append(self, node: Node, sources: frozenset[int] | None = None) -> int:
        self.nodes.append(node)
        self.sources.append(self._sources(node.inputs[0]) if sources is None else sources)
        return len(self.nodes) - 1

    def _sources(self, place: int) -> frozenset[int]:
        return frozenset([IMAGE]) if place == IMAGE else self.sources[place]

    def _shape(self, place: int) -> tuple[int, Pair]:
        if place == IMAGE:
            return self.channels, self.image
        return self.nodes[place].channels, self.nodes[place].size

    def check_logits(self, output: int | None) -> None:
        if not any(isinstance(node, Weights) for node in self.nodes):
            raise NotApplicable("the network has no weights")
        if not any(isinstance(node, Weights) and IMAGE in node.inputs for node in self.nodes):
            raise NotApplicable("no layer gets the image itself")
        if output is None:
            raise NotApplicable("the network's output is not one tensor")
        last = self.at[output]
        node = None if last.node == IMAGE else self.nodes[last.node]
        if not isinstance(node, Weights) or node.size != (1, 1) or last.node != len(self.nodes) - 1 or not last.plain:
            names = [node.layer for node in self.nodes if isinstance(node, Weights)]
            raise NotApplicable(f"the last layer, {names[-1]}, does not produce the logits")
        used = {place for node in self.nodes for place in node.inputs} | {last.node}
        for place, node in enumerate(self.nodes):
            if place not in used and isinstance(node, Weights):
                raise NotApplicable(f"the output of {node.layer} is not used")


def _one_value(call: Call, values: nn.Parameter | None, default: float) -> float:
    if values is None:
        return default
    if not bool((values == values[0]).all()):
        raise NotApplicable(f"the scales or shifts of {call.name} differ between channels, as after training")
    return float(values.detach()[0])


def _added(a: Padding, b: Padding) -> Padding:
    left, right, top, bottom = (x + y for x, y in zip(a, b, strict=True))
    return left, right, top, bottom


def _no_formula(call: Call) -> NotApplicable:
    kind = f" ({type(call.module).__name__})" if call.known else ", a function"
    return NotApplicable(f"there is no formula for {call.name}{kind}")


def _pair(value: Any) -> Pair:
    first, second = (value, value) if isinstance(value, int) else value
    return int(first), int(second)
