"""Bytes that a forward pass keeps for the backward pass: predicted from the layers, and measured.

Parameters and buffers exist anyway and are not counted; a tensor that two layers keep is counted once, at
the first. Predicted is what PyTorch keeps without compilation, in float32 and contiguous, on the CPU (CUDA
keeps dropout's mask in 1 byte a unit instead of 4).
"""

from collections import Counter
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from cnnlab.networks.modules.windows import ACTIVATIONS, padding
from cnnlab.networks.trace import Call, hooked, mode

FLOAT, INDEX = 4, 8  # bytes of a float32, of the int64 position that max pooling notes for each output

# Activations whose derivative is computed from the output (tanh' = 1 - tanh^2); the others keep their input.
FROM_OUTPUT = (nn.ReLU, nn.Tanh, nn.Sigmoid)


@dataclass(frozen=True)
class Kept:
    """Bytes a layer adds to what is kept: for each image, and once a batch (the batch norm's mean and std)."""

    image: int
    batch: int = 0


@dataclass(frozen=True)
class _Rule:
    """Which tensors a layer keeps; `reuses`: its output lies where its input lies (a view, or in place)."""

    input: bool = False
    output: bool = False
    image: int = 0
    batch: int = 0
    reuses: bool = False


def predicted(calls: list[Call]) -> list[Kept | None]:
    """One entry a call; None from the first layer on that is not known or not fed by the layer before it."""
    found: list[Kept | None] = []
    tensor, kept, needs_gradient = 0, set[int](), False  # tensor: number of the storage that is passed on
    for i, call in enumerate(calls, start=1):
        needs_gradient |= any(p.requires_grad for p in call.module.parameters())
        rule = _rule(call, needs_gradient) if call.follows else None
        if rule is None:
            return found + [None] * (len(calls) - len(found))
        after = tensor if rule.reuses else i
        new = {tensor: prod(call.input)} if rule.input else {}
        new |= {after: prod(call.output)} if rule.output else {}
        found.append(Kept(FLOAT * sum(n for key, n in new.items() if key not in kept) + rule.image, rule.batch))
        kept |= new.keys()
        tensor = after
    return found


def _rule(call: Call, needs_gradient: bool) -> _Rule | None:
    module = call.module
    in_place = bool(getattr(module, "inplace", False))
    match module:
        case nn.Identity() | nn.Flatten() | nn.Dropout(p=0):
            return _Rule(reuses=True)
        case nn.ConstantPad2d():
            return _Rule()
        case nn.Conv2d() | nn.Linear():
            return _weighted(module, call)
        case nn.AdaptiveAvgPool2d() if call.output[1:] == (1, 1):
            return _Rule()  # a mean: its derivative needs the count alone
        case nn.AvgPool2d() | nn.AdaptiveAvgPool2d():
            return _Rule(input=needs_gradient)
        case nn.MaxPool2d() | nn.AdaptiveMaxPool2d():
            return _Rule(input=needs_gradient, image=needs_gradient * INDEX * prod(call.output))
        case nn.BatchNorm2d():
            return _Rule(input=needs_gradient, batch=needs_gradient * 2 * FLOAT * call.input[0])
        case nn.Dropout():
            return _Rule(image=needs_gradient * FLOAT * prod(call.input), reuses=in_place)
    if isinstance(module, ACTIVATIONS):
        from_output = in_place or isinstance(module, FROM_OUTPUT)
        return _Rule(needs_gradient and not from_output, needs_gradient and from_output, reuses=in_place)
    return None


def _weighted(module: nn.Conv2d | nn.Linear, call: Call) -> _Rule:
    """The weights' gradient is a product with the input; frozen weights need none."""
    if not module.weight.requires_grad:
        return _Rule()
    if isinstance(module, nn.Conv2d):
        c, h, w = call.input
        (top, left), (bottom, right) = padding(module)
        if module.padding_mode != "zeros":  # the convolution works on a padded copy
            return _Rule(image=FLOAT * c * (h + top + bottom) * (w + left + right))
        if (top, left) != (bottom, right):  # the odd row and column are a copy's, the rest is the convolution's
            return _Rule(image=FLOAT * c * (h + bottom - top) * (w + right - left))
    return _Rule(input=True)


def measured(network: nn.Module, batch: Tensor) -> dict[str, int]:
    """Bytes that autograd keeps for `batch` (N, C, H, W) in training mode, by the layer that kept them first.

    Layers that keep nothing are left out; what functions between layers keep goes to the next layer, after the
    last one to "". Neither the network (running means) nor the random number generator is changed.
    """
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    own = {t.untyped_storage().data_ptr() for t in [*network.parameters(), *buffers.values()]}
    seen: dict[int, int] = {}
    by_layer: Counter[str] = Counter()

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen.setdefault(storage.data_ptr(), storage.nbytes())
        return tensor

    def note(name: str, module: nn.Module, inputs: tuple, output: object) -> None:
        by_layer[name] += sum(seen.values()) - by_layer.total()

    devices = [batch.device] if batch.device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices),
        mode(network, training=True),
        hooked(network, note),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.enable_grad(),
    ):
        output = torch.func.functional_call(network, buffers, (batch,))
    note("", network, (batch,), output)
    return {name: size for name, size in by_layer.items() if size}
