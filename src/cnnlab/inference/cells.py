"""Selects the output cell of a convolution whose arithmetic is shown."""

from torch import Tensor

from cnnlab.common.errors import InputError
from cnnlab.networks.kernels import Kernel, apply


def strongest(image: Tensor, kernel: Kernel, border: str) -> tuple[int, int]:
    """(row, column) of the output cell of largest magnitude, summed over channels; the first if tied."""
    size = apply(image.double(), kernel.tensor().double(), border).sum(0).abs()
    at = int(size.flatten().argmax())
    return divmod(at, size.shape[1])


def inside(image: Tensor, kernel: Kernel, cell: tuple[int, int], border: str) -> tuple[int, int]:
    """`cell`; InputError if it is outside the output."""
    lost = len(kernel.values) - 1 if border == "valid" else 0
    height, width = (side - lost for side in image.shape[-2:])
    row, column = cell
    if not (0 <= row < height and 0 <= column < width):
        raise InputError(
            f"cell=[{row},{column}] is outside the output of {height}x{width} cells, counted from 0.\n"
            f"Use cell=[{height // 2},{width // 2}], or leave it out for the strongest response."
        )
    return cell
