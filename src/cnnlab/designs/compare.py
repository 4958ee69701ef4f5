"""Designs side by side; the first is the one that the others are measured against."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import ceil, floor

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cnnlab.common.words import count, memory, rough, sides
from cnnlab.designs.design import Design
from cnnlab.networks.geometry import Row

Block = Sequence[Row]  # the convolutions of a block


def comparison(designs: Sequence[Design]) -> Group:
    """The table, then in words what it does not say by itself."""
    return Group(_table(designs), Text(""), *(Text(sentence) for sentence in sentences(designs)))


def _table(designs: Sequence[Design]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for design in designs:
        table.add_column(design.name, justify="right")

    def line(heading: str, values: Iterable[float | None], written: Callable[[float], str]) -> None:
        table.add_row(heading, *_against_first(list(values), written))

    fields = [design.receptive_field for design in designs]
    table.add_row("receptive field", *(sides(field) if field else "?" for field in fields))
    line("convolutions", (len(d.convolutions) for d in designs), rough)
    line("non-linearities", (d.activations for d in designs), rough)
    blocks = [_blocks(design) for design in designs]
    areas = [{sum(_areas(block)) for block in each.values()} for each in blocks]
    if all(len(each) == 1 for each in areas):
        line("weights, c to c", (each.pop() for each in areas), lambda v: f"{v:g} c²")
    for name in (name for name in blocks[0] if all(name in each for each in blocks)):
        channels = [_channels(each[name]) for each in blocks]
        cells = _against_first([_weights(each[name]) for each in blocks], lambda v: count(int(v)))
        if len(set(channels)) == 1:
            heading = f"{name}, {channels[0][0]} to {channels[0][1]}"
        else:
            heading = name
            cells = [f"{a} to {b}: {cell}" for (a, b), cell in zip(channels, cells, strict=True)]
        table.add_row(heading, *cells)
    line("parameters", (d.parameters for d in designs), lambda v: count(int(v)))
    line("MACs an image", (d.macs for d in designs), rough)
    line("saved an image", (d.saved_bytes for d in designs), lambda v: memory(int(v)))
    if all(d.measured is not None for d in designs):
        line("saved, measured", (sum((d.measured or {}).values()) for d in designs), lambda v: memory(int(v)))
    return table


def _against_first(values: Sequence[float | None], written: Callable[[float], str]) -> list[str]:
    """`25 (1.39x)`: the value and how many times the first's it is."""
    first, *rest = values
    cells = ["?" if first is None else written(first)]
    for value in rest:
        ratio = f" ({value / first:.2f}x)" if value is not None and first else ""
        cells.append("?" if value is None else written(value) + ratio)
    return cells


def sentences(designs: Sequence[Design]) -> list[str]:
    """Is the receptive field the same, and where do the weights turn round against the rule for c to c channels?"""
    fields = [design.receptive_field for design in designs]
    if None in fields:
        found = ["The receptive field is not known for all of them."]
    elif len(set(fields)) == 1:
        found = [f"Same receptive field: yes, {sides(fields[0] or ())} at the last map."]
    else:
        found = ["Same receptive field: no."]
    first, *others = designs
    for other in others:
        theirs = _blocks(other)
        for name, block in _blocks(first).items():
            if name in theirs:
                found += _turned(name, (first, block), (other, theirs[name]))
    return found


def _turned(name: str, one: tuple[Design, Block], other: tuple[Design, Block]) -> list[str]:
    """A sentence if the block's weights are ordered otherwise than from c to c channels."""
    (a, block), (b, theirs) = one, other
    rule = sum(_areas(block)) - sum(_areas(theirs))
    weights = _weights(block), _weights(theirs)
    if _channels(block) != _channels(theirs) or rule * (weights[0] - weights[1]) >= 0:
        return []
    c_in, _ = _channels(block)
    fewer, more = (a, b) if rule < 0 else (b, a)
    small, large = (block, theirs) if rule < 0 else (theirs, block)
    return [
        f"{name} turns the weights round: with {c_in} input channel{'s' * (c_in != 1)} {weights[0]:,} against "
        f"{weights[1]:,}; there {fewer.name} has fewer than {more.name} "
        f"{where_fewer(c_in, _areas(small), _areas(large))}."
    ]


def where_fewer(c_in: int, small: Sequence[int], large: Sequence[int]) -> str:
    """For how many output channels c a block of kernels with areas `small` has fewer weights than one of `large`.

    A block has c_in c A1 + c^2 (A2 + A3 + ...) weights; two blocks are equal at c = c_in (A1' - A1) / (R - R'),
    R being the sum of the areas after the first. For sum(small) < sum(large), the order from c to c channels.
    """
    rest = sum(small[1:]) - sum(large[1:])
    equal = Fraction(c_in * (large[0] - small[0]), rest)
    if rest < 0:
        return f"only from {floor(equal) + 1} output channels on"
    return f"only up to {ceil(equal) - 1} output channels" if equal > 1 else "for no number of output channels"


def _blocks(design: Design) -> dict[str, Block]:
    found = {name: [row for row in rows if row.kind == "convolution"] for name, rows in design.groups()}
    return {name: rows for name, rows in found.items() if rows}


def _areas(block: Block) -> list[int]:
    return [row.kernel[0] * row.kernel[1] if row.kernel else 0 for row in block]


def _weights(block: Block) -> int:
    return sum(row.weights for row in block)


def _channels(block: Block) -> tuple[int, int]:
    return block[0].input[0], block[-1].output[0]
