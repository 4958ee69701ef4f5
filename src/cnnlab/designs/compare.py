"""Sentences that compare designs; the first design is the baseline."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

from cnnlab.common.words import plural, sides
from cnnlab.designs.design import Design
from cnnlab.networks.geometry import Row

Block = Sequence[Row]  # the convolutions of one block


def sentences(designs: Sequence[Design]) -> list[str]:
    """Whether receptive fields agree, and the blocks whose order of weight counts is not that of c to c channels."""
    fields = [design.receptive_field for design in designs]
    if None in fields:
        found = ["The receptive field is not known for all designs."]
    elif len(set(fields)) == 1:
        found = [f"Same receptive field: yes, {sides(fields[0] or ())} at the last map."]
    else:
        found = ["Same receptive field: no."]
    first, *others = designs
    for other in others:
        theirs = blocks_of(other)
        for name, block in blocks_of(first).items():
            if name in theirs:
                found += _reversed_order(name, (first, block), (other, theirs[name]))
    return found


def _reversed_order(name: str, one: tuple[Design, Block], other: tuple[Design, Block]) -> list[str]:
    """A sentence if the design with fewer weights in this block is not the one with fewer from c to c channels."""
    (a, block), (b, theirs) = one, other
    rule = sum(areas_of(block)) - sum(areas_of(theirs))
    weights = weights_of(block), weights_of(theirs)
    if channels_of(block) != channels_of(theirs) or rule * (weights[0] - weights[1]) >= 0:
        return []
    c_in, _ = channels_of(block)
    fewer, more = (0, 1) if rule < 0 else (1, 0)
    small, large = (block, theirs)[fewer], (block, theirs)[more]
    return [
        f"{(a, b)[fewer].name} has fewer weights than {(a, b)[more].name} from c to c channels, but not in {name}: "
        f"{weights[fewer]:,} against {weights[more]:,} with {plural(c_in, 'input channel')}; there it has fewer "
        f"{where_fewer(c_in, areas_of(small), areas_of(large))}."
    ]


def where_fewer(c_in: int, small: Sequence[int], large: Sequence[int]) -> str:
    """The output channels c for which a block of kernel areas `small` has fewer weights than one of `large`.

    A block has c_in c A1 + c^2 (A2 + A3 + ...) weights; two blocks are equal at c = c_in (A1' - A1) / (R - R'),
    with R the sum of the areas after the first. Requires sum(small) < sum(large), the order from c to c channels.
    """
    rest = sum(small[1:]) - sum(large[1:])
    equal = Fraction(c_in * (large[0] - small[0]), rest)
    if rest < 0:
        return f"only with {floor(equal) + 1} or more output channels"
    most = plural(ceil(equal) - 1, "output channel")
    return f"only up to {most}" if equal > 1 else "for no number of output channels"


def blocks_of(design: Design) -> dict[str, Block]:
    found = {name: [row for row in rows if row.kind == "convolution"] for name, rows in design.groups()}
    return {name: rows for name, rows in found.items() if rows}


def areas_of(block: Block) -> list[int]:
    return [row.kernel[0] * row.kernel[1] if row.kernel else 0 for row in block]


def weights_of(block: Block) -> int:
    return sum(row.weights for row in block)


def channels_of(block: Block) -> tuple[int, int]:
    return block[0].input[0], block[-1].output[0]
