"""Layers as sliding windows, and the receptive field of a stack of them. All pairs are (height, width)."""

from dataclasses import dataclass

from torch import nn

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """`before`: padding at top and left; `after`: at bottom and right, in cells."""

    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    before: Pair = (0, 0)
    after: Pair = (0, 0)
    dilation: Pair = (1, 1)


@dataclass(frozen=True)
class Field:
    """Receptive field of a cell along one axis, in pixels, ignoring the image border.

    `size`: its extent. `jump`: distance between the fields of neighbouring cells. `centre`: of cell 0's field, with
    the centre of pixel 0 at 0.0. Recursion of Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional
    Neural Networks" (2019), eq. 2, for the centre instead of the left edge.
    """

    size: int = 1
    jump: int = 1
    centre: float = 0.0

    def through(self, window: Window, axis: int) -> "Field":
        reach = (window.kernel[axis] - 1) * window.dilation[axis]
        return Field(
            size=self.size + reach * self.jump,
            jump=self.jump * window.stride[axis],
            centre=self.centre + (reach / 2 - window.before[axis]) * self.jump,
        )

    def united(self, other: "Field") -> "Field | None":
        """The smallest field that covers both; None where they move at different steps, so that no one field fits."""
        if self.jump != other.jump:
            return None
        first = min(field.centre - (field.size - 1) / 2 for field in (self, other))
        last = max(field.centre + (field.size - 1) / 2 for field in (self, other))
        return Field(int(last - first) + 1, self.jump, (first + last) / 2)


def padding(conv: nn.Conv2d) -> tuple[Pair, Pair]:
    """Padding (top, left) and (bottom, right), in cells. "same" puts an odd one at the bottom right."""
    if isinstance(conv.padding, str):
        if conv.padding == "valid":
            return (0, 0), (0, 0)
        height, width = (d * (k - 1) for k, d in zip(conv.kernel_size, conv.dilation, strict=True))
        return (height // 2, width // 2), (height - height // 2, width - width // 2)
    return pair(conv.padding), pair(conv.padding)


def pair(value: int | tuple[int, ...]) -> Pair:
    """torch accepts one number for both axes."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])
