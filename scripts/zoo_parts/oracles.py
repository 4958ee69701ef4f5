"""Second opinions on geometry: a gradient's extent, fvcore's count of MACs, what autograd's nodes hold, the allocator.

None of these uses cnnlab.
"""

import copy
import gc
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo_parts.nodes import Node, shape_made

SMOOTH = {nn.MaxPool2d: nn.AvgPool2d, nn.AdaptiveMaxPool2d: nn.AdaptiveAvgPool2d}
WINDOW = ("kernel_size", "stride", "padding", "ceil_mode")
LINEAR = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Hardswish, nn.Tanh, nn.Sigmoid, nn.ELU, nn.Hardtanh)
WINDOWS = ("Convolution", "MaxPool2D", "AvgPool2D", "AdaptiveAvgPool2D", "AdaptiveMaxPool2D")
Extent = tuple[tuple[int, int], tuple[int, int]]  # first and last line, first and last column


class Seen(NamedTuple):
    """`extent`: of what `cell` of the last map depends on; `reach`: of what any cell does. `size`: the map's."""

    extent: Extent
    reach: Extent
    cell: tuple[int, int]
    size: tuple[int, int]


def field_seen(network: nn.Module, images: Tensor) -> Seen | None:
    """What the middle cell of the last map depends on.

    That map is the last tensor of the size that the last convolution or pooling makes, be it a sum or a concatenation.
    A global average is no pooling to autograd.

    By the gradient of that cell with respect to positive `images`, of which the union is taken, in a copy of the
    network with positive weights, without activations, and with mean for max pooling. None without such a map.
    """
    network = _positive(copy.deepcopy(network)).double().eval()
    x = images.double().requires_grad_()
    output = network(x)
    maps = [node for node in _below(output.grad_fn) if not hasattr(node, "variable") and len(shape_made(node)) == 4]
    maps.sort(key=lambda node: node._sequence_nr())
    size = next((shape_made(n)[2:] for n in reversed(maps) if n.name().startswith(WINDOWS)), None)
    if size is None:
        return None
    found = next(node for node in reversed(maps) if shape_made(node)[2:] == size)
    made = shape_made(found)
    cell = made[2] // 2, made[3] // 2
    chosen, every = torch.zeros(made, dtype=torch.float64), torch.ones(made, dtype=torch.float64)
    chosen[:, :, cell[0], cell[1]] = 1.0
    replaced = [chosen]
    found.register_prehook(lambda gradients: (replaced[0], *gradients[1:]))
    extent = _extent(output, x)
    replaced[0] = every
    return Seen(extent, _extent(output, x), cell, (made[2], made[3]))


def _extent(output: Tensor, x: Tensor) -> Extent:
    x.grad = None
    output.sum().backward(retain_graph=True)
    assert x.grad is not None
    seen = (x.grad != 0).any(0).any(0)
    lines, columns = (seen.any(axis).nonzero().flatten().tolist() for axis in (1, 0))
    return (lines[0], lines[-1]), (columns[0], columns[-1])


def _positive(network: nn.Module) -> nn.Module:
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) in SMOOTH:
                keys = ("output_size",) if hasattr(child, "output_size") else WINDOW
                setattr(parent, name, SMOOTH[type(child)](**{key: getattr(child, key) for key in keys}))
            elif isinstance(child, LINEAR):
                setattr(parent, name, nn.Identity())
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.fill_(1 / math.prod(parameter.shape[1:]) if parameter.dim() > 1 else float("bias" not in name))
    return network


def _below(root: Node) -> Iterator[Node]:
    """Nodes from the output backwards, the nearest first."""
    waiting, seen = [root], {root}
    for node in waiting:
        yield node
        for below, _ in node.next_functions:
            if below is not None and below not in seen:
                seen.add(below)
                waiting.append(below)


def parameters_counted(network: nn.Module) -> int:
    """By storage, of what `state_dict` saves and is no buffer."""
    buffers = {buffer.data_ptr() for buffer in network.buffers()}
    tensors = {t.data_ptr(): t.numel() for t in network.state_dict().values() if t.data_ptr() not in buffers}
    return sum(tensors.values())


class _Used(nn.Module):
    """Also returns what every layer without children made, for a trace leaves out what nobody uses."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network, self.made = network, []
        for module in network.modules():
            if not any(True for _ in module.children()):
                module.register_forward_hook(lambda m, i, output: self.made.append(output))

    def forward(self, x: Tensor) -> list[Tensor]:
        self.made.clear()
        output = self.network(x)
        return [output, *(tensor for tensor in self.made if isinstance(tensor, Tensor))]


PRODUCTS = ("conv", "linear", "matmul", "bmm", "addmm", "mm", "einsum", "attention", "gru")


def macs_counted(network: nn.Module, images: Tensor) -> int:
    """fvcore's count in a jit trace, of convolutions and matrix products; it also counts norms and pooling.

    fvcore lacks attention as one function, convolutions with padding="same", and recurrent layers: counted here.
    """
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_handles import conv_flop_count, get_shape

    def attention(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
        """Queries (..., L, E), keys (..., S, E), values (..., S, F): L S E products for the weights, L S F behind."""
        (*many, rows, width), keys, values = (get_shape(i) for i in inputs[:3])
        return Counter(attention=math.prod(many) * rows * keys[-2] * (width + values[-1]))

    def gru(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
        """Per step, three gates of the input and three of the state. One layer, images first."""
        (images, steps, width), hidden = get_shape(inputs[0]), get_shape(outputs[0])[-1]
        return Counter(gru=images * steps * 3 * hidden * (width + hidden))

    def convolution(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
        return Counter(conv=conv_flop_count(*(get_shape(v) for v in (inputs[0], inputs[1], outputs[0]))))

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one function for a whole layer, which no counter looks into
    try:
        analysis = FlopCountAnalysis(_Used(network).eval(), images)
        analysis.set_op_handle("aten::scaled_dot_product_attention", attention, "aten::gru", gru)
        analysis.set_op_handle("aten::_convolution_mode", convolution)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
        counts = analysis.by_operator()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(sum(count for name, count in counts.items() if name in PRODUCTS))


def bytes_in_nodes(network: nn.Module, images: Tensor) -> int:
    """Storages of all tensors that the nodes of autograd's graph have saved, without parameters and buffers."""
    output = network.train()(images)
    own = {t.untyped_storage().data_ptr() for t in [*network.parameters(), *network.buffers()]}
    held: dict[int, int] = {}
    kept = []  # so that no storage gets the address of another
    for node in _below(output.grad_fn):
        values = [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]
        values += getattr(node, "saved_tensors", ())
        tensors = [t for v in values for t in (v if isinstance(v, list | tuple) else [v]) if isinstance(t, Tensor)]
        held |= {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
        kept += tensors
    return sum(size for place, size in held.items() if place not in own)


@contextmanager
def _quiet() -> Iterator[None]:
    """The profiler announces each start on the standard error, and that there is no GPU."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def bytes_allocated(network: nn.Module, shape: tuple[int, ...]) -> int:
    """What a forward pass allocates and does not free while its graph lives, input and output included where saved."""
    from torch.profiler import ProfilerActivity, profile

    gc.collect()
    gc.disable()
    try:
        with _quiet(), profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as record:
            output = network.train()(torch.zeros(shape))
            graph = output.grad_fn
            del output
    finally:
        gc.enable()
    del graph
    return sum(event.self_cpu_memory_usage for event in record.key_averages())
