"""ConvNet: its shapes, its names, and its refusals."""

import pytest
import torch
from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.layers import leaves, weight_layers


def test_layers_run_in_the_order_of_their_names():
    net = ConvNet((3, 12, 12), 4, channels=[4, 6], convs_per_block=[2, 1], norm="batch", head=[5], dropout=0.1)
    ran = []
    for name, leaf in leaves(net):
        leaf.register_forward_hook(lambda *_, name=name: ran.append(name))
    net(torch.zeros(2, 3, 12, 12))
    assert ran == [name for name, _ in leaves(net)]
    assert list(weight_layers(net)) == [
        *("01_block1.conv1", "02_block1.conv2", "03_block2.conv1", "04_head.fc1", "05_head.logits")
    ]


def test_numbers_of_layers_sort_by_depth():
    net = ConvNet((1, 220, 220), 2, channels=[1], convs_per_block=99, padding="valid", pool="none", head=[])
    names = list(weight_layers(net))
    assert names[0] == "001_block1.conv1" and names == sorted(names)


def test_99_unpadded_convolutions_turn_199_into_1():
    net = ConvNet((1, 199, 199), 2, channels=[1], convs_per_block=99, padding="valid", pool="none", head=[])
    assert net.block1(torch.zeros(1, 1, 199, 199)).shape == (1, 1, 1, 1)


@pytest.mark.parametrize("pool", ["max", "mean", "sum", "none", ["max", "none"]])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, [5, 2]])
@pytest.mark.parametrize("head", ["average", [], [8, 8]])
def test_every_combination_gives_logits(pool, padding, kernel_size, head):
    net = ConvNet((3, 17, 17), 7, channels=[3, 4], pool=pool, padding=padding, kernel_size=kernel_size, head=head)
    assert net(torch.zeros(2, 3, 17, 17)).shape == (2, 7)


def test_a_stride_belongs_to_the_first_convolution_of_a_block():
    net = ConvNet((1, 16, 16), 2, channels=[2], stride=2, convs_per_block=3, pool="none")
    assert [m.stride[0] for m in net.modules() if isinstance(m, nn.Conv2d)] == [2, 1, 1]


def test_a_convolution_before_batch_norm_has_no_bias():
    net = ConvNet((1, 8, 8), 2, channels=[2], norm="batch")
    assert all(m.bias is None for m in net.modules() if isinstance(m, nn.Conv2d))


def _composed(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The kernel (c_out, c_in, 2k - 1, 2k - 1) of two convolutions in a row, tap by tap."""
    k = first.shape[-1]
    whole = first.new_zeros(second.shape[0], first.shape[1], 2 * k - 1, 2 * k - 1)
    for y in range(k):
        for x in range(k):
            for v in range(k):
                for u in range(k):
                    whole[:, :, y + v, x + u] += second[:, :, v, u] @ first[:, :, y, x]
    return whole


@pytest.mark.parametrize("activate, equal", [("last", True), ("each", False)])
def test_without_activation_between_a_pair_is_one_convolution(activate, equal):
    net = ConvNet((2, 14, 14), 3, channels=[6], activate=activate, pool="none").double()
    first, second = net.block1.conv1, net.block1.conv2
    x = torch.randn(3, 2, 14, 14, dtype=torch.float64)
    bias = second.bias + second.weight.sum((2, 3)) @ first.bias
    one = torch.relu(torch.nn.functional.conv2d(x, _composed(first.weight, second.weight), bias))
    assert torch.allclose(net.block1(x)[..., 2:-2, 2:-2], one) == equal


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_the_last_convolution_of_a_block_and_the_head_stay_activated(norm):
    net = ConvNet(
        (1, 16, 16), 3, channels=[2, 4], convs_per_block=[3, 1], activation="tanh", activate="last", norm=norm
    )
    names = [f"block1.activation{j}" for j in (1, 2, 3)] + ["block2.activation1", "head.activation1"]
    assert [type(net.get_submodule(name)).__name__ for name in names] == ["NoActivation"] * 2 + ["Tanh"] * 3
    assert sum(isinstance(m, nn.BatchNorm2d) for m in net.modules()) == (4 if norm == "batch" else 0)


def test_no_convolution_at_all_is_a_linear_classifier():
    net = ConvNet((3, 5, 5), 4, channels=[], head=[])
    x = torch.randn(2, 3, 5, 5)
    torch.testing.assert_close(net(x), x.flatten(1) @ net.head.logits.weight.T + net.head.logits.bias)


@pytest.mark.parametrize(
    "knobs, words",
    [
        ({"kernel_size": 9}, r"model.kernel_size=9 is larger than the 8x8 map at the input of block1.conv1"),
        ({"channels": [2] * 4, "kernel_size": 1}, r"block4.pool has a 1x1 input map, which cannot be pooled"),
        ({"kernel_size": [3, 3, 3]}, r"model.kernel_size=\[3, 3, 3\] has 3 values, but model.channels has 2 blocks"),
        ({"kernel_size": 5, "padding": "valid"}, r"kernel_size=5 is larger than the 2x2 map"),
    ],
)
def test_what_does_not_fit_is_refused_with_numbers(knobs, words):
    with pytest.raises(InputError, match=words) as error:
        ConvNet((1, 8, 8), 2, **{"channels": [2, 2], "convs_per_block": 1, **knobs})
    assert 1 <= len(str(error.value).splitlines()) <= 5
