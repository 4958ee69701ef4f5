"""A layer as a sliding window, and the receptive field that windows build up. All pairs are (height, width)."""

from dataclasses import dataclass

from torch import nn

from cnnlab.networks.trace import Call

Pair = tuple[int, int]

ACTIVATIONS = (
    nn.ReLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Softplus,
    nn.Hardtanh,
    nn.ReLU6,
)
SEES_ONE_CELL = (nn.Identity, nn.BatchNorm2d, nn.Dropout, nn.Flatten, *ACTIVATIONS)


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


def window(call: Call, map_size: Pair) -> Window | None:
    """The window of a layer on a map of `map_size`, or None for a layer that is no window or not known.

    A fully connected layer after flattening is a window as large as the map, and so is a global average.
    """
    module = call.module
    if isinstance(module, SEES_ONE_CELL):
        return Window()
    if isinstance(module, nn.ConstantPad2d):
        left, right, top, bottom = module.padding
        return Window(before=(top, left), after=(bottom, right))
    if isinstance(module, nn.Conv2d) and module.padding_mode == "zeros":
        before, after = padding(module)
        return Window(_pair(module.kernel_size), _pair(module.stride), before, after, _pair(module.dilation))
    if isinstance(module, (nn.MaxPool2d, nn.AvgPool2d)):
        around = _pair(module.padding)
        dilation = _pair(module.dilation) if isinstance(module, nn.MaxPool2d) else (1, 1)
        return Window(_pair(module.kernel_size), _pair(module.stride or module.kernel_size), around, around, dilation)
    if isinstance(module, (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)):
        (height, width), (lines, columns) = call.input[1:], call.output[1:]
        if height % lines or width % columns:
            return None  # windows of several sizes
        return Window((height // lines, width // columns), (height // lines, width // columns))
    if isinstance(module, nn.Linear) and len(call.input) == 1:
        return Window(map_size, map_size)
    return None


def padding(conv: nn.Conv2d) -> tuple[Pair, Pair]:
    """Cells added (top, left) and (bottom, right). An uneven "same" has the odd one at the bottom right."""
    if isinstance(conv.padding, str):
        same = conv.padding == "same"
        height, width = (same * d * (k - 1) for k, d in zip(conv.kernel_size, conv.dilation, strict=True))
        return (height // 2, width // 2), (height - height // 2, width - width // 2)
    return _pair(conv.padding), _pair(conv.padding)


def _pair(value: int | tuple[int, ...]) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
