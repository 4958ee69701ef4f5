"""Networks that were written elsewhere, fitted to the images."""

import pytest
import torch
import torchvision
from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.foreign import fit_stem, load_state, materialize, takes_image_shape


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


class Remembering(nn.Module):
    """Whose buffers are made, and grow, while it runs."""

    def __init__(self):
        super().__init__()
        self.part = nn.Linear(2, 3)
        self.part.register_buffer("made", None)
        self.register_buffer("seen", torch.zeros(0), persistent=False)
        self.register_buffer("count", torch.zeros(()), persistent=False)

    def forward(self, x):
        self.part.made = y = self.part(x)
        self.seen, self.count = torch.cat([self.seen, y.detach().mean()[None]]), self.count + 1
        return y


def test_buffers_that_were_made_while_it_ran_come_back():
    network, fresh = Remembering(), Remembering()
    for _ in range(3):
        network(torch.randn(4, 2))
    hidden = {"seen": network.seen, "count": network.count}
    load_state(fresh, network.state_dict(), hidden)
    assert torch.equal(fresh.part.made, network.part.made) and torch.equal(fresh.part.weight, network.part.weight)
    assert torch.equal(fresh.seen, network.seen) and fresh.seen is not network.seen and fresh.count == 3
    assert fresh.state_dict().keys() == network.state_dict().keys()


def test_another_networks_state_is_not_taken():
    for other in (nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(2))):
        with pytest.raises(RuntimeError, match="state_dict"):
            load_state(Remembering(), other.state_dict())


def test_a_lazy_network_takes_the_state_of_one_that_ran():
    network, fresh = (nn.Sequential(nn.LazyConv2d(2, 3), nn.LazyBatchNorm2d()) for _ in range(2))
    network(torch.randn(4, 1, 5, 5))
    load_state(fresh, network.state_dict())
    assert torch.equal(fresh[1].running_mean, network[1].running_mean) and fresh[0].weight.shape == (2, 1, 3, 3)


def test_lazy_layers_get_their_shapes_and_nothing_else_changes():
    network = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3), nn.Dropout())
    network[4].eval()
    torch.manual_seed(0)
    assert materialize(network, (1, 8, 8)) is network
    assert network[0].weight.shape == (4, 1, 3, 3) and network[3].weight.shape == (3, 144)
    assert network[1].num_batches_tracked == 0 and [m.training for m in network] == [True, True, True, True, False]
    torch.manual_seed(0)
    drawn = nn.Conv2d(1, 4, 3)  # as a layer whose shape was known
    assert torch.equal(network[0].weight, drawn.weight) and torch.equal(network[0].bias, drawn.bias)
    for whole in (network, nn.Sequential(nn.Linear(2, 2), nn.LazyLinear(3))):  # known already; cannot take it
        before, kept = torch.get_rng_state(), whole[0].weight.clone()
        assert torch.equal(materialize(whole, (1, 8, 8))[0].weight, kept)
        assert torch.equal(torch.get_rng_state(), before)


def test_shapes_leave_what_forward_counts_as_it_was():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.LazyLinear(3)
            self.register_buffer("passes", torch.zeros(()))

        def forward(self, x):
            self.passes += 1
            return self.layer(x.flatten(1))

    network = materialize(Counts(), (1, 4, 4))
    assert network.layer.weight.shape == (3, 16) and network.passes == 0 and network.training
