"""Networks that were written elsewhere, fitted to the images."""

import pytest
import torch
import torchvision
from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.foreign import fit_stem, takes_image_shape


def test_who_takes_the_shape_and_who_the_number_of_classes():
    assert takes_image_shape(ConvNet)
    assert not takes_image_shape(torchvision.models.resnet18)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grey_picture_gives_what_it_gave_as_three_equal_channels(channels):
    network = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding="valid", bias=True), nn.ReLU())
    grey = torch.randn(2, 1, 9, 9)
    before = network(grey.expand(-1, 3, -1, -1))
    after = fit_stem(network, channels, "match")(grey.expand(-1, channels, -1, -1))
    torch.testing.assert_close(before, after)


def test_channels_that_match_leave_the_layer_itself():
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    first = network[0]
    assert fit_stem(network, 3, "match")[0] is first and fit_stem(network, 1, "keep")[0] is first


def test_frozen_stays_frozen():
    network = nn.Sequential(nn.Conv2d(3, 4, 3).requires_grad_(False))
    assert not any(p.requires_grad for p in fit_stem(network, 1, "match").parameters())


def test_a_small_stem_keeps_the_maps_size():
    network = fit_stem(torchvision.models.resnet18(num_classes=10), 1, "small")
    seen = []
    network.layer1.register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0].shape)))
    assert network.eval()(torch.zeros(2, 1, 32, 32)).shape == (2, 10)
    assert seen == [(2, 64, 32, 32)]


def test_a_pooling_behind_the_second_convolution_stays():
    network = nn.Sequential(nn.Conv2d(3, 4, 7, 2), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.MaxPool2d(2))
    fit_stem(network, 3, "small")
    assert isinstance(network[3], nn.MaxPool2d) and network[0].stride == (1, 1) and network[0].kernel_size == (3, 3)


def test_a_grouped_stem_is_refused_and_none_is_left_alone():
    with pytest.raises(InputError, match="without groups; 0 has 3"):
        fit_stem(nn.Sequential(nn.Conv2d(3, 3, 3, groups=3)), 1, "match")
    fit_stem(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), 1, "small")
