"""Names of layers: numbered in the order of definition, for every kind of layer that has weights."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from cnnlab.common.errors import InputError
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.layers import bias_of, leaves, weight_layers, weight_of
from cnnlab.networks.trace import trace


def test_layers_of_a_convnet_are_numbered_from_the_image_on():
    assert list(weight_layers(ConvNet((1, 8, 8), 3, channels=(2,)))) == [
        *("01_block1.conv1", "02_block1.conv2", "03_head.fc1", "04_head.logits")
    ]


def test_names_sort_by_depth_also_beyond_99_layers():
    names = list(weight_layers(nn.Sequential(*(nn.Linear(1, 1) for _ in range(120)))))
    assert names[0] == "001_0" and names[-1] == "120_119" and names == sorted(names)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv1d(2, 3, 3),
        nn.Conv3d(2, 3, 3),
        nn.ConvTranspose2d(2, 3, 3),
        nn.Bilinear(2, 2, 3),
        nn.Conv2d(4, 4, 3, groups=4),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_every_kind_of_convolution_and_connection_is_one(layer):
    assert weight_layers(nn.Sequential(nn.ReLU(), layer)) == {"01_1": layer}
    assert weight_of(layer) is layer.weight and bias_of(layer) is layer.bias


def test_a_network_that_is_one_layer():
    assert list(weight_layers(nn.Linear(2, 3))) == ["01_network"]


def test_an_attentions_inner_projections_are_a_layer_with_their_own_weights():
    network = nn.ModuleDict({"attention": nn.MultiheadAttention(8, 2)})
    found = weight_layers(network)
    assert list(found) == ["01_attention.in_proj", "02_attention.out_proj"]
    assert weight_of(found["01_attention.in_proj"]) is network["attention"].in_proj_weight
    assert bias_of(found["01_attention.in_proj"]) is network["attention"].in_proj_bias
    assert weight_of(found["02_attention.out_proj"]) is network["attention"].out_proj.weight


def test_weights_that_are_computed_or_have_no_shape_yet_are_none():
    assert weight_of(weight_norm(nn.Linear(2, 3))) is None
    lazy = nn.LazyConv2d(3, 3)
    assert weight_of(lazy) is None
    lazy(torch.zeros(1, 2, 4, 4))
    assert weight_of(lazy) is lazy.weight


@pytest.mark.filterwarnings("ignore:.*is deprecated:FutureWarning", "ignore:.*is deprecated:DeprecationWarning")
@pytest.mark.parametrize("make", [torch.jit.script, lambda m: torch.jit.trace(m, torch.ones(1, 3, 4, 4))])
def test_what_hides_its_layers_is_refused(make):
    hidden = make(nn.Conv2d(3, 4, 3))
    with pytest.raises(InputError, match="The network was made by torch.jit"):
        weight_layers(hidden)
    with pytest.raises(InputError, match="1.0 of the network was made by torch.jit"):
        trace(nn.Sequential(nn.ReLU(), nn.Sequential(hidden)), (3, 4, 4))


@pytest.mark.parametrize("wrong", [nn.Conv2d, [nn.Conv2d(3, 4, 3)], None], ids=["a class", "a list", "nothing"])
def test_what_is_no_module_is_refused(wrong):
    for use in (weight_layers, lambda network: trace(network, (3, 4, 4))):
        with pytest.raises(InputError, match=f"not a {type(wrong).__name__}"):
            use(wrong)


def test_leaves_hold_no_other_modules():
    network = nn.Sequential(nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU()), nn.Flatten())
    assert [name for name, _ in leaves(network)] == ["0.0", "0.1", "1"]


def test_a_layer_with_computed_weights_and_an_attention_are_leaves():
    network = nn.Sequential(weight_norm(nn.Conv2d(1, 1, 1)), nn.MultiheadAttention(4, 2), nn.ReLU())
    assert [name for name, _ in leaves(network)] == ["0", "1", "2"]


def test_a_slash_in_a_name_separates_nothing():
    network = nn.Sequential()
    network.add_module("conv/weights", nn.Conv2d(1, 2, 3))
    network.add_module("conv_weights", nn.Conv2d(2, 2, 3))
    assert list(weight_layers(network)) == ["01_conv_weights", "02_conv_weights"]
