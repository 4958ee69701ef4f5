"""What a network is made of: a convolution with its padding, the activations, the poolings."""

from collections.abc import Callable

from torch import nn

# A name that a YAML may give -> how the layer is made. `none` keeps its place in the network, so that
# telemetry shows the same layers for every choice.
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "none": nn.Identity,
}

# 2x2 windows, stride 2. At an odd border the window is cut and what lies inside counts: the largest, the
# mean or the sum of what is there (LPPool2d(1) scales cut windows up, so it is no sum pooling).
POOLINGS: dict[str, Callable[[], nn.Module]] = {
    "max": lambda: nn.MaxPool2d(2, ceil_mode=True),
    "mean": lambda: nn.AvgPool2d(2, ceil_mode=True),
    "sum": lambda: nn.AvgPool2d(2, ceil_mode=True, divisor_override=1),
}


def convolution(c_in: int, c_out: int, kernel_size: int, stride: int, padding: str, bias: bool) -> dict[str, nn.Module]:
    """The modules of one convolution (N, c_in, H, W) -> (N, c_out, H', W'), by role.

    `valid` gives H' = floor((H - k) / stride) + 1; `same` gives ceil(H / stride) from k - 1 zeros in all.
    An even kernel cannot share them evenly: right and bottom get the odd one, which moves the map half a
    pixel, so it is a layer of its own that a design sheet can show.
    """
    if padding == "same" and kernel_size % 2 == 0:
        before, after = (kernel_size - 1) // 2, kernel_size // 2
        pad = nn.ZeroPad2d((before, after, before, after))
        return {"pad": pad, "conv": nn.Conv2d(c_in, c_out, kernel_size, stride, bias=bias)}
    around = (kernel_size - 1) // 2 if padding == "same" else 0
    return {"conv": nn.Conv2d(c_in, c_out, kernel_size, stride, padding=around, bias=bias)}
