"""What theory knows of a network: its operations in order, each with what feeds it, and where telemetry measures."""

from dataclasses import dataclass

from torch import nn

from cnnlab.networks.modules.moments import Activation
from cnnlab.networks.modules.poolings import Takes
from cnnlab.networks.modules.windows import Pair, Window
from cnnlab.networks.trace import IMAGE as IMAGE

Padding = tuple[int, int, int, int]  # left, right, top, bottom, as in F.pad


@dataclass(frozen=True)
class Node:
    """`inputs`: places of the nodes whose output comes in, IMAGE for the image. `channels`, `size`: of the output."""

    inputs: tuple[int, ...]
    channels: int
    size: Pair


@dataclass(frozen=True)
class Weights(Node):
    """A convolution. A fully connected layer is one whose kernel covers its whole input map.

    `layer`: telemetry's name. `c_in`, `c_out`: channels of one group. `keep`: dropout's keep probability on the
    inputs.
    """

    layer: str
    module: nn.Conv2d | nn.Linear
    c_in: int
    c_out: int
    kernel: Pair
    stride: Pair
    padding: Padding
    keep: float


@dataclass(frozen=True)
class Activate(Node):
    activation: Activation


@dataclass(frozen=True)
class Pool(Node):
    """`largest`: the maximum of `activation` of the input, which is that of the activation below; else mean or sum.
    `whole`: the mean of the whole map."""

    window: Window
    takes: Takes
    activation: Activation
    counts_padding: bool
    whole: bool

    @property
    def largest(self) -> bool:
        return self.takes == "max"


@dataclass(frozen=True)
class Normalize(Node):
    """Batch norm, each channel over the batch: mean 0 and variance 1, times `scale`, plus `shift`."""

    scale: float
    shift: float
    eps: float


@dataclass(frozen=True)
class Add(Node):
    """The sum of branches, each ending in weights of its own."""


@dataclass(frozen=True)
class Join(Node):
    """The channels of all inputs, one after the other."""


@dataclass(frozen=True)
class Measured:
    """Places of a layer's weights and of what telemetry measures: the input of the layer's activation, or its output
    if it has none, and the activation."""

    weights: int
    preactivation: int
    activation: int | None


@dataclass(frozen=True)
class Graph:
    """`nodes` in order of execution, the last one that of the logits; `layers` by telemetry's names."""

    nodes: list[Node]
    layers: dict[str, Measured]
