"""What is said of designs side by side, and where the order of weights is reversed, against counting them."""

import pytest
from torch import nn

from cnnlab.designs.compare import sentences, where_fewer
from cnnlab.designs.design import Design, design
from cnnlab.networks.convnet import ConvNet

SHAPE = (3, 32, 32)


def of(name: str, kernel_size: int, convs: int) -> Design:
    network = ConvNet(SHAPE, 10, channels=(16, 16), kernel_size=kernel_size, convs_per_block=convs)
    return design(name, network, SHAPE)


def test_it_says_whether_the_fields_agree_and_where_the_order_of_the_weights_is_reversed() -> None:
    said = sentences([of("two", 3, 2), of("one", 5, 1)])
    assert said == [
        "Same receptive field: yes, 16x16 at the last map.",
        "two has fewer weights than one from c to c channels, but not in block1: 2,736 against 1,200 with 3 input "
        "channels; there it has fewer only up to 5 output channels.",
    ]
    assert sentences([of("two", 3, 2), of("three", 3, 3)]) == ["Same receptive field: no."]


def block_weights(c_in: int, c: int, kernel_size: int, layers: int) -> int:
    convs = [nn.Conv2d(c_in if i == 0 else c, c, kernel_size, bias=False) for i in range(layers)]
    return sum(conv.weight.numel() for conv in convs)


@pytest.mark.parametrize("c_in", [1, 3, 16])
@pytest.mark.parametrize(("small", "large"), [((3, 2), (5, 1)), ((3, 3), (7, 1)), ((5, 1), (3, 3)), ((3, 5), (7, 1))])
def test_where_fewer_equals_counting(c_in: int, small: tuple[int, int], large: tuple[int, int]) -> None:
    channels = range(1, 80)
    fewer = [c for c in channels if block_weights(c_in, c, *small) < block_weights(c_in, c, *large)]
    said = where_fewer(c_in, *([k * k] * layers for k, layers in (small, large)))
    if not fewer:
        assert said == "for no number of output channels"
    elif fewer[-1] < channels[-1]:
        assert said == f"only up to {fewer[-1]} output channel{'s' if fewer[-1] > 1 else ''}"
    else:
        assert said == f"only with {fewer[0]} or more output channels"


def test_where_a_field_is_not_known_it_says_so_and_no_more() -> None:
    own = design("own", nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)), SHAPE)
    assert sentences([own, of("two", 3, 2)]) == ["The receptive field is not known for all designs."]
