"""ConvNet: blocks of convolution, activation and pooling, then fully connected layers."""

from collections import OrderedDict
from collections.abc import Sequence
from inspect import Parameter, signature
from typing import Any

from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.networks.blocks import convolution
from cnnlab.networks.kernels import freeze_classical
from cnnlab.networks.map_sizes import MapSizes
from cnnlab.networks.modules.table import activation_layer, pooling_layer


class ConvNet(nn.Sequential):
    """`x: (N, C, H, W)` -> logits `(N, classes)`; layers are defined in execution order.

    A block is `convs_per_block` convolutions, each followed by norm and activation, then one 2x2 pooling;
    `stride` applies to the block's first convolution. `kernel_size`, `convs_per_block`, `stride` and `pool` are
    one value for all blocks or a list with one value per block. `pool_after="first"`: the pooling follows a block's
    first convolution, before its norm, so that all behind it is done at a quarter of the positions. `head`: widths of
    the hidden fully connected layers, or "average" for global average pooling. Dropout precedes every fully connected
    layer. `activate="last"`: only a block's last convolution is followed by the activation; those before it are
    linear, so that without norm the block is one convolution with a larger kernel, away from the border.
    `first_layer="classical"`: the first convolution is a frozen bank of classical kernels (blur, outline, ...).

    Raises InputError if the settings contradict each other or do not fit the image.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        channels: Sequence[int] = (16, 32),
        kernel_size: int | Sequence[int] = 3,
        convs_per_block: int | Sequence[int] = 2,
        stride: int | Sequence[int] = 1,
        padding: str = "same",
        pool: str | Sequence[str] = "max",
        pool_after: str = "last",
        activation: str = "relu",
        activate: str = "each",
        norm: str = "none",
        head: str | Sequence[int] = (64,),
        dropout: float = 0.0,
        first_layer: str = "learned",
    ):
        super().__init__()
        n = len(channels)
        kernels, depths = _per_block("kernel_size", kernel_size, n), _per_block("convs_per_block", convs_per_block, n)
        strides, pools = _per_block("stride", stride, n), _per_block("pool", pool, n)
        c, *size = image_shape
        size = MapSizes(kernels, depths, strides, pools, padding, pool_after).last(size)

        for i, width in enumerate(channels):
            block: OrderedDict[str, nn.Module] = OrderedDict()
            for j in range(1, depths[i] + 1):
                step = strides[i] if j == 1 else 1
                for role, module in convolution(c, width, kernels[i], step, padding, bias=norm == "none").items():
                    block[f"{role}{j}"] = module
                if j == 1 and pool_after == "first" and pools[i] != "none":
                    block["pool"] = pooling_layer(pools[i])
                if norm == "batch":
                    block[f"norm{j}"] = nn.BatchNorm2d(width)
                active = activate == "each" or j == depths[i]
                block[f"activation{j}"] = activation_layer(activation if active else "none")
                c = width
            if pool_after == "last" and pools[i] != "none":
                block["pool"] = pooling_layer(pools[i])
            self.add_module(f"block{i + 1}", nn.Sequential(block))
        if first_layer == "classical":
            freeze_classical(_first_convolution(self))
        self.add_module("head", _head(c, size, classes, head, activation, dropout))


def _first_convolution(network: nn.Module) -> nn.Conv2d:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            return module
    raise InputError("model.first_layer=classical: this network has no convolution.\nUse model.first_layer=learned.")


def _head(c: int, size: list[int], classes: int, head: str | Sequence[int], activation: str, dropout: float):
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if head == "average":
        layers["average"] = nn.AdaptiveAvgPool2d(1)
        size, head = [1, 1], ()
    layers["flatten"] = nn.Flatten()
    width = c * size[0] * size[1]
    for j, hidden in enumerate(head, start=1):
        if dropout:
            layers[f"dropout{j}"] = nn.Dropout(dropout)
        layers[f"fc{j}"] = nn.Linear(width, int(hidden))
        layers[f"activation{j}"] = activation_layer(activation)
        width = int(hidden)
    if dropout:
        layers["dropout"] = nn.Dropout(dropout)
    layers["logits"] = nn.Linear(width, classes)
    return nn.Sequential(layers)


def _per_block(name: str, value: Any, blocks: int) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * blocks
    if len(value) != blocks:
        raise InputError(
            f"model.{name}={list(value)} has {len(value)} values, but model.channels has {blocks} blocks.\n"
            f"Give one value for all blocks (model.{name}={value[0] if value else 1}) or a list of {blocks}."
        )
    return list(value)


_PARAMETERS = signature(ConvNet.__init__).parameters.values()
# What a YAML may set, in the constructor's order; the data set determines the rest.
KNOBS = tuple(parameter.name for parameter in _PARAMETERS if parameter.kind is Parameter.KEYWORD_ONLY)
