"""A network before training: shapes, receptive fields, weights, MACs, bytes saved for backward."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from cnnlab.networks import memory
from cnnlab.networks.layers import WEIGHTED
from cnnlab.networks.modules.table import layer_type
from cnnlab.networks.modules.windows import Field, Pair, Window
from cnnlab.networks.products import macs as macs
from cnnlab.networks.products import macs_of
from cnnlab.networks.trace import Call, Trace, trace, unwrapped


@dataclass(frozen=True)
class Row:
    """One layer. Shapes are per image; pairs are (height, width); None where no formula covers the layer.

    `before`, `after`: padding at top left, at bottom right. `receptive_field`, `jump`, `centre`: in image pixels,
    see `windows.Field`. `uses`: uses of each weight per image. `macs`: per image, including padded zeros, excluding
    biases and norm layers. `saved_bytes`: saved for backward by this layer first, per training image. `call`: 2 and
    more where a layer runs again. `weights`, `biases`: those of no row before, so of a first call. `used`: whether the
    network's output depends on it.
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
    used: bool = True


@dataclass(frozen=True)
class Passage:
    """The image's way through a network, and what each call on it keeps for the backward pass."""

    trace: Trace
    kept: Sequence[memory.Kept | None]


def passage_of(network: nn.Module, image_shape: tuple[int, int, int]) -> Passage:
    """To be given to several of the functions below, which else each make their own."""
    passed = trace(network, image_shape)
    kept: Sequence[memory.Kept | None] = memory.predicted(passed)
    foreign = not all(
        type(module).__module__.startswith(("torch.nn.", "cnnlab.")) for module in unwrapped(network).modules()
    )
    if foreign and None not in kept and not memory.confirmed(network, image_shape, kept):
        kept = [None] * len(kept)
    return Passage(passed, kept)


def rows(network: nn.Module, image_shape: tuple[int, int, int], passage: Passage | None = None) -> list[Row]:
    """One row per layer in execution order, without nn.Identity; functions that a layer equals, sums, concatenations
    and further functions that return maps have rows too."""
    passage = passage or passage_of(network, image_shape)
    calls, used = passage.trace.calls, passage.trace.used()
    found: list[Row] = []
    counted: Counter[nn.Module] = Counter()
    parameters: set[nn.Parameter] = set()  # of the rows before: several layers may share one
    for place, (call, seen, kept) in enumerate(zip(calls, _fields(calls), passage.kept, strict=True)):
        counted[call.module] += 1
        if not isinstance(call.module, nn.Identity) and (call.known or len(call.output) == 3):
            own = {name: p for name, p in call.module.named_parameters() if p not in parameters}
            parameters.update(own.values())
            row = _row(call, seen, kept, counted[call.module], own)
            found.append(replace(row, used=place in used))
    return found


def unknown(network: nn.Module, image_shape: tuple[int, int, int], passage: Passage | None = None) -> str | None:
    """Why a receptive field or the activation memory is not known, by the first layer concerned; None if both are."""
    passage = passage or passage_of(network, image_shape)
    calls = passage.trace.calls
    for call, seen, kept in zip(calls, _fields(calls), passage.kept, strict=True):
        if not call.known:
            return f"{call.name} is a function without a formula"
        if kept is None and None not in memory.predicted(passage.trace):
            return "training saves something else than the layers need, as with checkpointing"
        if kept is None or seen.window is None:
            return f"there is no formula for {call.name} ({type(call.module).__name__})"
        if seen.fields is None:
            return f"{call.name} joins branches of different strides"
    return None if passage.trace.output is not None else "the network's output is not one tensor"


@dataclass(frozen=True)
class _Seen:
    """What a call's output sees. `map_size`: of the last map on the way."""

    window: Window | None
    fields: tuple[Field, Field] | None
    map_size: Pair


def _fields(calls: list[Call]) -> list[_Seen]:
    found = [_Seen(Window(), (Field(), Field()), (1, 1))]  # the image, so that a call's place is one less
    for call in calls:
        fed = [found[place + 1] for place in call.inputs]
        map_size = (call.input[1], call.input[2]) if len(call.input) == 3 else fed[0].map_size if fed else (1, 1)
        flat = isinstance(call.module, nn.Linear)
        below = _united([seen.fields for seen in fed])
        window = _window(call, map_size) if below or not flat else None
        fields = (below[0].through(window, 0), below[1].through(window, 1)) if window and below else None
        found.append(_Seen(window, fields, (1, 1) if flat else map_size))
    return found[1:]


def _united(branches: list[tuple[Field, Field] | None]) -> tuple[Field, Field] | None:
    """Over all inputs; None where one is not known."""
    fields = branches[0] if branches else None  # what does not come from the image sees nothing of it
    for other in branches[1:]:
        if fields is None or other is None:
            return None
        vertical, horizontal = fields[0].united(other[0]), fields[1].united(other[1])
        fields = (vertical, horizontal) if vertical and horizontal else None
    return fields


def measures(network: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, float]:
    """The geometry in `results.json`, without keys that no formula covers.

    Bytes are per training image, without the 8 bytes per channel that batch norm saves once per batch.
    """
    passage = passage_of(network, image_shape)
    found, saved = rows(network, image_shape, passage), saved_bytes(network, image_shape, passage)
    field, last = receptive_field(found), last_map(found)
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


def non_linearities_in_a_row(network: nn.Module, image_shape: tuple[int, int, int]) -> int | None:
    """The most activations that any path passes; None where something without a formula may be one more."""
    calls = trace(network, image_shape).calls
    if not all(layer_type(call.module) or isinstance(call.module, WEIGHTED) for call in calls):
        return None
    depths = [0]
    for call in calls:
        known = layer_type(call.module)
        counts = known is not None and known.kind(call).endswith(" activation")
        depths.append(max((depths[place + 1] for place in call.inputs), default=0) + counts)
    return max(depths)


def receptive_field(found: list[Row]) -> Pair | None:
    """(height, width) of a cell of the last map; without any map, of the last layer."""
    return (last_map(found) or [row for row in found if row.used][-1]).receptive_field


def last_map(found: list[Row]) -> Row | None:
    """The layer whose output is the last map, before a global average; None for a network without maps."""
    maps = (row for row in reversed(found) if row.used and len(row.output) == 3 and row.kind != "global average")
    return next(maps, None)


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


def saved_bytes(network: nn.Module, image_shape: tuple[int, int, int], passage: Passage | None = None) -> int | None:
    """Predicted per training image; None for a network that does not consist of known layers alone, or whose forward
    method saves something else."""
    kept = (passage or passage_of(network, image_shape)).kept
    return None if None in kept else sum(k.image for k in kept if k)


def saved_bytes_measured(network: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, int]:
    """Per layer and training image."""
    return memory.per_image(network, image_shape)


def _row(call: Call, seen: _Seen, kept: memory.Kept | None, number: int, own: Mapping[str, nn.Parameter]) -> Row:
    window, fields = seen.window, seen.fields
    biases = sum(p.numel() for name, p in own.items() if name.endswith("bias"))
    return Row(
        name=call.name,
        kind=_kind(call),
        input=call.input,
        output=call.output,
        kernel=window and window.kernel,
        stride=window and window.stride,
        before=window and window.before,
        after=window and window.after,
        receptive_field=fields and (fields[0].size, fields[1].size),
        jump=fields and (fields[0].jump, fields[1].jump),
        centre=fields and (fields[0].centre, fields[1].centre),
        weights=sum(p.numel() for p in own.values()) - biases,
        biases=biases,
        uses=_uses(call),
        macs=macs_of(call),
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
