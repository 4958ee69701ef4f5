"""The arithmetic of one convolution cell: patch x kernel = products, and their sum."""

from torch import Tensor

from cnnlab.networks.kernels import Kernel, apply

CHANNELS = {1: ("",), 3: ("red", "green", "blue")}


def arithmetic(image: Tensor, name: str, kernel: Kernel, cell: tuple[int, int], border: str) -> str:
    """The arithmetic of output cell (row, column), from 0, in one paragraph per channel of `image` (C, H, W)."""
    image, (row, column) = image.double(), cell
    patches = _patches(image, len(kernel.values), cell, border)
    paragraphs = []
    for colour, patch in zip(CHANNELS[len(image)], patches, strict=True):
        title = f"{name}, row {row}, column {column}"
        paragraphs.append(_paragraph(f"{title}, {colour}" if colour else title, patch, kernel))
    return "\n\n".join(paragraphs)


def _patches(image: Tensor, k: int, cell: tuple[int, int], border: str) -> list[list[list[float]]]:
    """The k x k values under the kernel, per channel, fetched with one-hot kernels so that the border is right."""
    patch = image.new_zeros(len(image), k, k)
    for i in range(k):
        for j in range(k):
            pick = image.new_zeros(k, k)
            pick[i, j] = 1
            patch[:, i, j] = apply(image, pick, border)[:, cell[0], cell[1]]
    return patch.tolist()


def _paragraph(title: str, patch: list[list[float]], kernel: Kernel) -> str:
    products = [[p * k for p, k in zip(ps, ks, strict=True)] for ps, ks in zip(patch, kernel.values, strict=True)]
    blocks = [_block("patch", patch), _block("kernel", kernel.values), _block("products", products)]
    middle = len(patch) // 2 + 1
    lines = [title]
    for i, row in enumerate(zip(*blocks, strict=True)):
        times, equals = ("x", "=") if i == middle else (" ", " ")
        lines.append(f"  {row[0]}  {times}  {row[1]}  {equals}  {row[2]}")
    total = sum(map(sum, products))
    terms = [value for row in products for value in row if value]
    lines.append(f"sum: {' + '.join(map(_signed, terms)) or '0'} = {total:g}")
    if kernel.divisor != 1:
        lines.append(f"divided by {kernel.divisor:g}: {total / kernel.divisor:.4g}")
    if {value for row in (*patch, *kernel.values) for value in row} <= {0, 1}:
        lines.append(f"{total:g} of the {sum(map(sum, kernel.values)):g} cells that the kernel looks for are there")
    return "\n".join(lines)


def _signed(value: float) -> str:
    return f"({value:g})" if value < 0 else f"{value:g}"


def _block(title: str, rows) -> list[str]:
    cells = [[f"{value + 0.0:g}" for value in row] for row in rows]  # -0 is 0
    width = max(len(text) for row in cells for text in row)
    lines = [" ".join(text.rjust(width) for text in row) for row in cells]
    return [text.rjust(max(len(title), len(lines[0]))) for text in (title, *lines)]
