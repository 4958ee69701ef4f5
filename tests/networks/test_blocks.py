"""Padding against naive loops."""

import pytest
import torch
from torch import nn

from cnnlab.networks.blocks import convolution


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_keeps_the_size_but_for_the_stride(kernel_size, stride):
    layers = nn.Sequential(*convolution(1, 4, kernel_size, stride, "same", bias=True).values())
    assert layers(torch.zeros(1, 1, 9, 9)).shape[-1] == -(-9 // stride)


@pytest.mark.parametrize("kernel_size", [2, 3, 4])
def test_valid_uses_no_padding(kernel_size):
    (conv,) = convolution(1, 1, kernel_size, 1, "valid", bias=False).values()
    assert conv(torch.zeros(1, 1, 9, 9)).shape[-1] == 9 - kernel_size + 1


def test_an_even_kernel_sees_half_a_pixel_more_to_the_right():
    layers = nn.Sequential(*convolution(1, 1, 2, 1, "same", bias=False).values())
    nn.init.ones_(layers[-1].weight)
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    naive = torch.zeros(3, 3)
    for i in range(3):
        for j in range(3):
            naive[i, j] = sum(x[0, 0, a, b] for a in (i, i + 1) for b in (j, j + 1) if a < 3 and b < 3)
    torch.testing.assert_close(layers(x)[0, 0], naive)
