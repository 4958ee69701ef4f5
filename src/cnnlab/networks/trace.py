"""The layers that an image passes through, in order, with shapes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.networks.layers import leaves


@dataclass(frozen=True)
class Call:
    """One call of a layer. Shapes are per image: (C, H, W) for a map, (F,) when flat.

    `follows`: its input is the very tensor that the previous call returned (for the first call: the image), so
    nothing happened in between.
    """

    name: str
    module: nn.Module
    input: tuple[int, ...]
    output: tuple[int, ...]
    follows: bool


@dataclass(frozen=True)
class Trace:
    """`plain`: the network is a chain of these calls, without functions, sums or branches between them."""

    calls: list[Call]
    plain: bool


def trace(network: nn.Module, image_shape: tuple[int, int, int]) -> Trace:
    """Run one image of zeros through the network, on its device (or meta), and record every layer called.

    Runs in evaluation mode, so that running statistics and random state do not change. Layers are modules without
    children.
    """
    calls: list[Call] = []
    image = zero_images(network, image_shape)
    last: object = image
    version = _version(image)  # counts in-place changes, so that `x += shortcut` between two layers is detected

    def begin(name: str, module: nn.Module, inputs: tuple) -> None:
        before = inputs[0] if inputs else None
        fed.append((_shape(before), before is last and _version(last) == version))

    def note(name: str, module: nn.Module, inputs: tuple, output: object) -> None:
        nonlocal last, version
        shape, follows = fed.pop()
        calls.append(Call(name, module, shape, _shape(output), follows))
        last, version = output, _version(output)

    fed: list[tuple[tuple[int, ...], bool]] = []
    with mode(network, training=False), hooked(network, note, begin), torch.no_grad():
        output = network(image)
    ended = output is last and _version(last) == version
    return Trace(calls, plain=ended and all(call.follows for call in calls))


def zero_images(network: nn.Module, image_shape: tuple[int, int, int], images: int = 1) -> Tensor:
    """Zeros (images, C, H, W) with the network's device and dtype."""
    like = next(network.parameters(), torch.empty(0))
    return torch.zeros(images, *image_shape, device=like.device, dtype=like.dtype)


@contextmanager
def hooked(
    network: nn.Module,
    note: Callable[[str, nn.Module, tuple, Any], None],
    begin: Callable[[str, nn.Module, tuple], None] | None = None,
) -> Iterator[None]:
    """Call `begin(name, module, inputs)` before and `note(name, module, inputs, output)` after each layer inside the
    block."""
    handles = []
    for name, module in leaves(network):
        if begin is not None:
            handles.append(module.register_forward_pre_hook(partial(begin, name)))
        handles.append(module.register_forward_hook(partial(note, name)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def mode(network: nn.Module, training: bool) -> Iterator[None]:
    before = [(module, module.training) for module in network.modules()]
    network.train(training)
    try:
        yield
    finally:
        for module, was in before:
            module.training = was


def _version(value: object) -> int:
    return value._version if isinstance(value, Tensor) else 0


def _shape(value: object) -> tuple[int, ...]:
    """Of a tensor, or of the first of several, as attention and recurrent layers return them."""
    value = value[0] if isinstance(value, tuple) and value else value
    return tuple(value.shape[1:]) if isinstance(value, Tensor) else ()
