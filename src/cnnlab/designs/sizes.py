"""How the feature maps shrink, in the notation of the text, and what other kernel sizes would do."""

from fractions import Fraction

from cnnlab.common.words import plural, sides
from cnnlab.designs.design import Design
from cnnlab.networks.geometry import last_map

COLLAPSE_FROM = 5  # a run of at least this many equal steps is written a > b > ... > z


def chain(design: Design) -> str:
    """`199x199 > 197x197 > ... > 1x1   (99 convolutions)`."""
    steps = [row for row in design.rows if row.kind == "convolution" or row.kind.endswith(" pool")]
    sizes = [design.image_shape[1:], *(row.output[1:] for row in steps if len(row.output) == 3)]
    convolutions = len(design.convolutions)
    counts = [plural(convolutions, "convolution")]
    if poolings := len(steps) - convolutions:
        counts.append(plural(poolings, "pooling"))
    return f"{' > '.join(_collapsed(sizes))}   ({', '.join(counts)})"


def _collapsed(sizes: list[tuple[int, ...]]) -> list[str]:
    parts: list[str] = []
    start = 0
    while start < len(sizes):
        end = start + 1
        while end < len(sizes) and _step(sizes, end) == _step(sizes, start + 1):
            end += 1
        if end - start >= COLLAPSE_FROM:
            parts += [sides(sizes[start]), sides(sizes[start + 1]), "...", sides(sizes[end - 1])]
            start = end
        else:
            parts.append(sides(sizes[start]))
            start += 1
    return parts


def _step(sizes: list[tuple[int, ...]], at: int) -> tuple[int, ...]:
    return tuple(b - a for a, b in zip(sizes[at - 1], sizes[at], strict=True))


def formula(design: Design) -> str:
    """The general rule, preceded by this network's numbers if all its layers are unpadded convolutions of one size."""
    rule = (
        "n pixels a side become n - l(k-1) after l unpadded kxk convolutions; after one with total padding p and "
        "stride s: floor((n+p-k)/s) + 1"
    )
    found = design.convolutions
    kernels = {row.kernel[0] for row in found if row.kernel}
    plain = all(row.stride == (1, 1) and row.before == row.after == (0, 0) for row in found)
    if len(kernels) == 1 and plain and not any(row.kind.endswith(" pool") for row in design.rows):
        n, k, layers = min(design.image_shape[1:]), kernels.pop(), len(found)
        return f"{n} - {layers} ({k}-1) = {n - layers * (k - 1)}\n{rule}"
    return rule


def unpadded(side: int, kernel_size: int) -> str:
    """How many equal unpadded convolutions reduce `side` to one cell: (n - 1) / (k - 1)."""
    if kernel_size > side:
        return "larger than the image"
    layers = Fraction(side - 1, kernel_size - 1)
    if layers.denominator == 1:
        return f"{layers}"
    left = side - int(layers) * (kernel_size - 1)
    return f"{float(layers):.4g}: never exactly 1x1 ({int(layers)} leave {left}x{left})"


def padded(kernel_size: int) -> str:
    """Effect of total padding k - 1: an even kernel has no centre cell, so one side gets one zero more."""
    return "centred" if kernel_size % 2 else "shifts by half a pixel per layer"


def kernels_to_show(design: Design) -> list[int]:
    own = {row.kernel[0] for row in design.convolutions if row.kernel and row.kernel[0] == row.kernel[1] > 1}
    return sorted({2, 3, 4, 5, 7} | own)


def drift(design: Design) -> tuple[float, float] | None:
    """Pixels (down, right) from the image centre to the centre of the last map's receptive fields; None if unknown."""
    last = last_map(design.rows)
    if last is None or not (last.centre and last.jump):
        return None
    down, right = (
        centre + jump * (cells - 1) / 2 - (side - 1) / 2
        for centre, jump, cells, side in zip(
            last.centre or (), last.jump or (), last.output[1:], design.image_shape[1:], strict=True
        )
    )
    return down, right
