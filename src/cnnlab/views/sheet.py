"""The design sheet of one network, for terminals of 80 columns or more."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from io import StringIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.common.words import count, kib, memory, rough, same_or_both, sides
from cnnlab.designs import sizes
from cnnlab.designs.design import Design, design
from cnnlab.networks.geometry import Row
from cnnlab.views.labels import label

SHOWN = 12  # rows shown of a longer block, half from its beginning and half from its end
NOTHING, UNKNOWN = "", "?"

LEGEND = (
    "/2: stride 2. field: receptive field, the pixels that a cell sees (all: the whole image); jump: from one cell's "
    "to the next; centre: of the first cell's, in pixels from 0. uses of each: how often an image uses a weight. MACs: "
    "multiplications, each with an addition. saved: kept for the backward pass, counted where it is needed first."
)


@dataclass(frozen=True)
class Sheet:
    """A `design` that prints itself; `design.rows` holds the numbers per layer."""

    design: Design

    def __str__(self) -> str:
        console = Console(file=StringIO(), width=100, highlight=False, color_system=None, force_jupyter=False)
        console.print(render_sheet(self.design, width=100, full=True))
        return console.file.getvalue()  # type: ignore[union-attr]

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


def sheet(network: nn.Module, image_shape: tuple[int, int, int], measure: bool = False) -> Sheet:
    """The design sheet of any network for images (C, H, W): shapes, receptive field, weights, MACs, activation memory.

    Values without a formula are None in its rows and print as `?`. `measure`: also measure the bytes that autograd
    saves per training image. Raises InputError.
    """
    if not isinstance(image_shape, tuple | list) or len(image_shape) != 3:
        raise InputError(f"Images are (channels, height, width), as in sheet(network, (3, 32, 32)), not {image_shape}.")
    return Sheet(design(type(network).__name__, network, image_shape, measure))


def render_sheet(design: Design, width: int = 80, full: bool = False) -> Group:
    """Layers, totals, sizes."""
    blank = Text("")
    table, legend = layers(design, width, full), Text(LEGEND, style="dim")
    return Group(table, blank, legend, blank, totals(design), blank, *shrinking(design))


def layers(design: Design, width: int = 80, full: bool = False) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1 if width >= 100 else 0, 0, 0))
    table.add_column("layer", no_wrap=True)
    table.add_column("output", no_wrap=True)
    for heading in ("field", "jump", "centre", "weights\n+biases", "uses of\neach", "MACs", "saved\nKiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    if design.measured is not None:
        table.add_column("meas.\nKiB", justify="right", no_wrap=True)
    for group, rows in design.groups():
        if group:
            table.add_row(Text(group, style="bold"))
        hidden = 0 if full or len(rows) <= SHOWN + 1 else len(rows) - SHOWN
        for at, row in enumerate(rows):
            if hidden and at == SHOWN // 2:
                table.add_row(Text(f"  ... {hidden} more", style="dim"), Text("full=true", style="dim"))
            if not hidden or not SHOWN // 2 <= at < len(rows) - SHOWN // 2:
                indent = "  " if group else ""
                table.add_row(indent + label(row), *_cells(design, row))
    return table


def _cells(design: Design, row: Row) -> list[str]:
    on_map = _on_map(row)
    cells = [
        sides(row.output),
        _field(row),
        same_or_both(row.jump) if row.jump and on_map else NOTHING,
        same_or_both(row.centre) if row.centre and on_map else NOTHING,
        _weights(row),
        _or_unknown(row.uses, lambda uses: f"{uses:,}"),
        _or_unknown(row.macs, rough),
        _saved_by(row),
    ]
    if design.measured is not None:
        size = design.measured.get(row.name, 0) if row.call == 1 else 0  # that of all its calls
        cells.append(kib(size) if size else NOTHING)
    return cells


def _or_unknown(value: int | None, words: Callable[[int], str]) -> str:
    if value is None:
        return UNKNOWN
    return words(value) if value else NOTHING


def _on_map(row: Row) -> bool:
    return len(row.output) == 3 and row.kind != "global average"


def _field(row: Row) -> str:
    if row.receptive_field is None:
        return UNKNOWN
    if _on_map(row):
        return same_or_both(row.receptive_field)
    return NOTHING if row.kind == "flatten" else "all"


def _weights(row: Row) -> str:
    if row.biases:
        return f"{count(row.weights)}+{row.biases:,}"
    return count(row.weights) if row.weights else NOTHING


def _saved_by(row: Row) -> str:
    if row.saved_bytes is None:
        return UNKNOWN
    return kib(row.saved_bytes) if row.saved_bytes else NOTHING


def totals(design: Design) -> Table:
    rows, side = design.rows, design.image_shape[1:]
    weights, biases = sum(row.weights for row in rows), sum(row.biases for row in rows)
    lines = _lines()
    rest = design.parameters - weights - biases  # such as a class token, which belongs to no layer
    others = f", {rest:,} in no layer" if rest else ""
    lines.add_row("parameters", f"{design.parameters:,} ({weights:,} weights, {biases:,} biases{others})")
    lines.add_row("MACs", f"{rough(design.macs)} per image")
    lines.add_row("non-linearities", f"{design.activations}{_in_a_row(design)}")
    lines.add_row("activation memory", _saved(design))
    if field := design.receptive_field:
        beyond = ", larger than the image" if field[0] > side[0] or field[1] > side[1] else ""
        who = (
            "a cell of the last map" if any(len(row.output) == 3 for row in rows) else "the first fully connected layer"
        )
        lines.add_row("receptive field", f"{sides(field)} of {sides(side)} pixels for {who}{beyond}")
    if design.unknown:
        lines.add_row(UNKNOWN, f"{design.unknown}; receptive field and memory are unknown from there on")
    return lines


def _in_a_row(design: Design) -> str:
    if design.in_a_row is None:
        return " known; what has no formula is not counted"
    return " in a row" if design.in_a_row == design.activations else f", at most {design.in_a_row} in a row"


def _saved(design: Design) -> str:
    measured = None if design.measured is None else memory(sum(design.measured.values()))
    if design.saved_bytes is None:
        known = f"{measured} per image, measured" if measured else None
        return known or f"{UNKNOWN} (measure=true measures it)"
    also = f" ({measured} measured)" if measured else ""
    return f"{memory(design.saved_bytes)} per image, predicted{also}"


def shrinking(design: Design) -> list[RenderableType]:
    """The chain of map sizes, its formula, and a table of other kernel sizes."""
    lines = _lines()
    lines.add_row("sizes", sizes.chain(design))
    lines.add_row("formula", sizes.formula(design))
    moved = sizes.drift(design)
    if moved and any(moved):
        lines.add_row(
            "drift",
            f"the last map's centre sees a point {_direction(*moved)} the image's centre, caused by padded even "
            "kernels, strides or cropped pooling windows",
        )
    side = design.image_shape[1:]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("kernel", f"layers from {sides(side)} to 1x1, unpadded", "padded, size kept"):
        table.add_column(heading)
    for k in sizes.kernels_to_show(design):
        table.add_row(f"{k}x{k}", sizes.unpadded(min(side), k), sizes.padded(k))
    return [lines, Text(""), table]


def _lines() -> Table:
    """A grid of heading and wrapped text."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, min_width=17)
    return table


def _direction(down: float, right: float) -> str:
    """`1.5 px below and 1.5 px right of`."""
    words = [f"{abs(down):g} px {'below' if down > 0 else 'above'}"] if down else []
    words += [f"{abs(right):g} px {'right' if right > 0 else 'left'} of"] if right else []
    return " and ".join(words)
