"""Designs side by side, as a table and in words; the first is the baseline."""

from collections.abc import Callable, Iterable, Sequence

from rich import box
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cnnlab.common.words import count, memory, rough, sides
from cnnlab.designs.compare import areas_of, blocks_of, channels_of, sentences, weights_of
from cnnlab.designs.design import Design

LEGEND = (
    "(0.50x): half as many as {first}. weights, c to c: of a block with c channels before and behind each convolution. "
    "MACs: multiplications, each with an addition."
)


def comparison(designs: Sequence[Design]) -> Group:
    """The table, then sentences on what it does not show."""
    legend = Text(LEGEND.format(first=designs[0].name), style="dim")
    return Group(_table(designs), Text(""), legend, Text(""), *(Text(sentence) for sentence in sentences(designs)))


def _table(designs: Sequence[Design]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for design in designs:
        table.add_column(escape(design.name), justify="right")

    def line(heading: str, values: Iterable[float | None], written: Callable[[float], str]) -> None:
        table.add_row(heading, *_against_first(list(values), written))

    fields = [design.receptive_field for design in designs]
    table.add_row("receptive field", *(sides(field) if field else "?" for field in fields))
    line("convolutions", (len(d.convolutions) for d in designs), rough)
    line("non-linearities", (d.activations for d in designs), rough)
    blocks = [blocks_of(design) for design in designs]
    areas = [{sum(areas_of(block)) for block in each.values()} for each in blocks]
    if all(len(each) == 1 for each in areas):
        line("weights, c to c", (next(iter(each)) for each in areas), lambda v: f"{v:g} c²")
    for name in (name for name in blocks[0] if all(name in each for each in blocks)):
        channels = [channels_of(each[name]) for each in blocks]
        cells = _against_first([weights_of(each[name]) for each in blocks], lambda v: count(int(v)))
        if len(set(channels)) == 1:
            heading = f"{name}, {channels[0][0]} to {channels[0][1]}"
        else:
            heading = name
            cells = [f"{a} to {b}: {cell}" for (a, b), cell in zip(channels, cells, strict=True)]
        table.add_row(heading, *cells)
    line("parameters", (d.parameters for d in designs), lambda v: count(int(v)))
    line("MACs per image", (d.macs for d in designs), rough)
    line("activation memory", (d.saved_bytes for d in designs), lambda v: memory(int(v)))
    if all(d.measured is not None for d in designs):
        line("  measured", (sum((d.measured or {}).values()) for d in designs), lambda v: memory(int(v)))
    return table


def _against_first(values: Sequence[float | None], written: Callable[[float], str]) -> list[str]:
    """`25 (1.39x)`: the value and its ratio to the first."""
    first, *rest = values
    cells = ["?" if first is None else written(first)]
    for value in rest:
        ratio = f" ({value / first:.2f}x)" if value is not None and first else ""
        cells.append("?" if value is None else written(value) + ratio)
    return cells
