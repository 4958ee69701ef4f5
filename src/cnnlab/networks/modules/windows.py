"""A layer as a sliding window, and the receptive field that windows build up. All pairs are (height, width)."""

from dataclasses import dataclass

from torch import nn

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """`before` and `after`: cells of padding on top and left, at the bottom and right."""

    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    before: Pair = (0, 0)
    after: Pair = (0, 0)
    dilation: Pair = (1, 1)


@dataclass(frozen=True)
class Field:
    """What one cell of a map can see of the image, along one axis and in pixels, image border ignored.

    `size`: pixels from the first to the last it can see. `jump`: pixels between the fields of neighbouring
    cells. `centre`: the middle of the field of cell 0, pixel 0 being at 0.0.
    Recursion as in Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks"
    (2019), eq. 2; theirs starts at the left end of the field, ours at its middle.
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


def padding(conv: nn.Conv2d) -> tuple[Pair, Pair]:
    """Cells added (top, left) and (bottom, right). An uneven "same" has the odd one at the bottom right."""
    if isinstance(conv.padding, str):
        same = conv.padding == "same"
        height, width = (same * d * (k - 1) for k, d in zip(conv.kernel_size, conv.dilation, strict=True))
        return (height // 2, width // 2), (height - height // 2, width - width // 2)
    return pair(conv.padding), pair(conv.padding)


def pair(value: int | tuple[int, ...]) -> Pair:
    """torch allows one number for both sides."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])
