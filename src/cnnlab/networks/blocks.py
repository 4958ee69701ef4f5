"""Convolutions with padding. Activations and poolings are in `networks.modules`."""

from torch import nn


def convolution(c_in: int, c_out: int, kernel_size: int, stride: int, padding: str, bias: bool) -> dict[str, nn.Module]:
    """The modules of one convolution (N, c_in, H, W) -> (N, c_out, H', W'), by role.

    `valid` gives H' = floor((H - k) / stride) + 1; `same` pads k - 1 zeros in total and gives ceil(H / stride).
    For an even kernel the odd zero goes to the right and bottom, which shifts the map by half a pixel; that padding
    is a separate layer, so that the design sheet shows it.
    """
    if padding == "same" and kernel_size % 2 == 0:
        before, after = (kernel_size - 1) // 2, kernel_size // 2
        pad = nn.ZeroPad2d((before, after, before, after))
        return {"pad": pad, "conv": nn.Conv2d(c_in, c_out, kernel_size, stride, bias=bias)}
    around = (kernel_size - 1) // 2 if padding == "same" else 0
    return {"conv": nn.Conv2d(c_in, c_out, kernel_size, stride, padding=around, bias=bias)}
