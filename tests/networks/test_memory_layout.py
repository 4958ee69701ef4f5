import pytest
import torch
from torch import nn

from cnnlab.networks.memory_layout import choose_channels_last, takes_channels_last

SHAPE = (3, 8, 8)
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Viewing(nn.Sequential):
    """As in many tutorials; `view` needs the layout that torch has by default."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self[0](x)
        return self[1](x.view(len(x), -1))


def _viewing() -> Viewing:
    return Viewing(nn.Conv2d(3, 4, 3, padding=1), nn.Linear(256, 10))


class Volumes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(1, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolution(x[:, None]).flatten(1)


def test_auto_is_channels_last_on_the_cpu_where_the_network_can():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(144, 10))
    assert choose_channels_last("auto", network, SHAPE, CPU)
    assert not choose_channels_last("auto", network, SHAPE, CUDA)
    assert not choose_channels_last("auto", _viewing(), SHAPE, CPU)
    assert not choose_channels_last("auto", Volumes(), SHAPE, CPU)
    network.spare = nn.LazyLinear(3)  # which has no shape
    assert not choose_channels_last("auto", network, SHAPE, CPU)


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_asked_for_is_done(asked):
    assert choose_channels_last(asked, _viewing(), SHAPE, CPU) is asked


@pytest.mark.parametrize("make", [_viewing, lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))])
def test_a_try_leaves_no_trace(make):
    network = make()
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random = torch.get_rng_state()
    taken = takes_channels_last(network, SHAPE)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [module.training for module in network.modules()] == [True, True, False]
    assert torch.equal(torch.get_rng_state(), random)
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last if taken else torch.contiguous_format)
