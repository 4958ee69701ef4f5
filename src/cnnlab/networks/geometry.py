"""A network before training: shapes, receptive fields, weights, MACs, bytes saved for backward."""

from collections import Counter
from dataclasses import dataclass
from math import prod

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from cnnlab.networks import memory
from cnnlab.networks.modules.table import layer_type
from cnnlab.networks.modules.windows import Field, Pair, Window
from cnnlab.networks.trace import Call, mode, trace, zero_images


@dataclass(frozen=True)
class Row:
    """One layer. Shapes are per image; pairs are (height, width); None where no formula covers the layer.

    `before`, `after`: padding at top left, at bottom right. `receptive_field`, `jump`, `centre`: in image pixels,
    see `windows.Field`. `uses`: uses of each weight per image. `macs`: per image, including padded zeros, excluding
    biases and norm layers. `saved_bytes`: saved for backward by this layer first, per training image. `call`: 2 and
    more where a layer runs again; weights and biases are those of its first call.
    """

    name: str
    kind: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    kernel: Pair | None
    stride: Pair | None
    before: Pair | None
    after: Pair | None
    receptive_field: Pair | None
    jump: Pair | None
    centre: tuple[float, float] | None
    weights: int
    biases: int
    uses: int | None
    macs: int | None
    saved_bytes: int | None
    call: int = 1


def rows(network: nn.Module, image_shape: tuple[int, int, int]) -> list[Row]:
    """One row per layer in execution order, without nn.Identity."""
    calls = trace(network, image_shape).calls
    found: list[Row] = []
    counted: Counter[nn.Module] = Counter()
    fields: tuple[Field, Field] | None = (Field(), Field())
    size: Pair = (1, 1)
    for call, kept in zip(calls, memory.predicted(calls), strict=True):
        size = (call.input[1], call.input[2]) if len(call.input) == 3 else size
        known = fields if call.follows else None
        seen = _window(call, size) if known or not isinstance(call.module, nn.Linear) else None
        fields = (known[0].through(seen, 0), known[1].through(seen, 1)) if seen and known else None
        if isinstance(call.module, nn.Linear):
            size = (1, 1)
        counted[call.module] += 1
        if not isinstance(call.module, nn.Identity):
            found.append(_row(call, seen, fields, kept, counted[call.module]))
    return found


def unknown(network: nn.Module, image_shape: tuple[int, int, int]) -> str | None:
    """Why a receptive field or the activation memory is not known, by the first layer concerned; None if both are."""
    passage = trace(network, image_shape)
    size: Pair = (1, 1)
    for call, kept in zip(passage.calls, memory.predicted(passage.calls), strict=True):
        if not call.follows:
            return f"{call.name} does not get the previous layer's output: a sum, a branch or a function is in between"
        if kept is None or _window(call, size) is None:
            return f"there is no formula for {call.name} ({type(call.module).__name__})"
        size = (call.output[1], call.output[2]) if len(call.output) == 3 else size
    return None if passage.plain else "a function follows the last layer"


def measures(network: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, float]:
    """The geometry in `results.json`, without keys that no formula covers.

    Bytes are per training image, without the 8 bytes per channel that batch norm saves once per batch.
    """
    found = rows(network, image_shape)
    field, last, saved = receptive_field(found), last_map(found), saved_bytes(network, image_shape)
    height, width = last.output[1:] if last and field else (None, None)
    values = {
        "model/parameters": parameters(network),
        "model/macs": macs(network, image_shape),
        "model/receptive_field": field and max(field),
        "model/map_side": height and width and max(height, width),
        "model/map_cells": height and width and height * width,
        "model/field_shift": field_shift(last, image_shape) if last else None,
        "model/saved_bytes": saved,
        "model/saved_bytes_measured": sum(saved_bytes_measured(network, image_shape).values()),
    }
    return {key: float(value) for key, value in values.items() if value is not None}


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def macs(network: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Per image, without biases. Networks that are not a chain of known layers are counted by PyTorch."""
    found = rows(network, image_shape)
    known = [row.macs for row in found if row.receptive_field and row.macs is not None]
    if trace(network, image_shape).plain and len(known) == len(found):
        return sum(known)

    from torch.utils.flop_counter import FlopCounterMode  # its first use takes 1 s

    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one fused call for a whole attention, which the counter misses
    try:
        with mode(network, training=False), torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(zero_images(network, image_shape))
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return counter.get_total_flops() // 2


def receptive_field(found: list[Row]) -> Pair | None:
    """(height, width) of a cell of the last map; without any map, of the last layer."""
    return (last_map(found) or found[-1]).receptive_field


def last_map(found: list[Row]) -> Row | None:
    """The layer whose output is the last map, before a global average; None for a network without maps."""
    return next((row for row in reversed(found) if len(row.output) == 3 and row.kind != "global average"), None)


def field_shift(row: Row, image_shape: tuple[int, int, int]) -> float | None:
    """How far, in image pixels, the receptive fields of a map's cells lie beside the cells, along the worse axis.

    A cell sits where it lies when the map is laid over the image, cells `jump` pixels apart and the map's middle on
    the image's. All cells are shifted alike. 0 for odd `same` kernels, for any `valid` one that leaves no rest, and
    for 2x2 pooling of even maps; half a cell for an even `same` kernel, and for stride 2 on even maps, which takes
    the first of each two cells.
    """
    if row.centre is None or row.jump is None:
        return None
    sides = zip(image_shape[1:], row.output[1:], row.jump, row.centre, strict=True)
    return max(abs(centre - ((side - 1) - (cells - 1) * jump) / 2) for side, cells, jump, centre in sides)


def saved_bytes(network: nn.Module, image_shape: tuple[int, int, int]) -> int | None:
    """Predicted per training image; None for a network that is not a chain of known layers."""
    passage = trace(network, image_shape)
    kept = memory.predicted(passage.calls)
    if not passage.plain or None in kept:
        return None
    return sum(k.image for k in kept if k)


def saved_bytes_measured(network: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, int]:
    """Per layer and training image: half the difference between batches of four and of two."""
    two, four = (memory.measured(network, zero_images(network, image_shape, n)) for n in (2, 4))
    return {name: (size - two.get(name, 0)) // 2 for name, size in four.items()}


def _row(call: Call, seen: Window | None, fields: tuple[Field, Field] | None, kept: memory.Kept | None, number: int):
    own = list(call.module.named_parameters()) if number == 1 else []
    biases = sum(p.numel() for name, p in own if name.endswith("bias"))
    return Row(
        name=call.name,
        kind=_kind(call),
        input=call.input,
        output=call.output,
        kernel=seen and seen.kernel,
        stride=seen and seen.stride,
        before=seen and seen.before,
        after=seen and seen.after,
        receptive_field=fields and (fields[0].size, fields[1].size),
        jump=fields and (fields[0].jump, fields[1].jump),
        centre=fields and (fields[0].centre, fields[1].centre),
        weights=sum(p.numel() for _, p in own) - biases,
        biases=biases,
        uses=_uses(call),
        macs=_macs(call),
        saved_bytes=None if kept is None else kept.image,
        call=number,
    )


def _kind(call: Call) -> str:
    known = layer_type(call.module)
    return known.kind(call) if known else type(call.module).__name__.lower()


def _window(call: Call, map_size: Pair) -> Window | None:
    known = layer_type(call.module)
    return known.window(call, map_size) if known else None


def _uses(call: Call) -> int | None:
    module, shared = call.module, {p.numel() for p in call.module.parameters()}
    if isinstance(module, _ConvTransposeNd):
        return prod(call.input[1:])
    if isinstance(module, _ConvNd):
        return prod(call.output[1:])
    if isinstance(module, nn.Linear):
        return prod(call.output[:-1])
    if len(shared) <= 1:  # none, or scale and shift of the same size
        return prod(call.output) // shared.pop() if shared else 0
    return None


def _macs(call: Call) -> int | None:
    module = call.module
    if isinstance(module, _ConvTransposeNd):
        return prod(call.input) * module.out_channels // module.groups * prod(module.kernel_size)
    if isinstance(module, _ConvNd):
        return prod(call.output) * module.in_channels // module.groups * prod(module.kernel_size)
    if isinstance(module, nn.Linear):
        return prod(call.output) * module.in_features
    known = layer_type(module)
    return 0 if known or not any(p.dim() > 1 for p in module.parameters()) else None
