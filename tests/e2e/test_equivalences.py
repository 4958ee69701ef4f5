"""Kernel sizes at their ends: of the image's size a convolution is a full connection, 1x1 sees no neighbours."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.geometry import rows

SHAPE = (3, 6, 6)


def test_a_kernel_of_the_images_size_is_a_full_connection_also_in_training() -> None:
    """Exactly, but for the order of additions: 1e-15 in float64, and still so after 50 steps of SGD."""
    network = ConvNet(
        SHAPE, 4, channels=(7,), kernel_size=6, convs_per_block=1, padding="valid", pool="none", head=()
    ).double()
    conv, logits = network.get_submodule("block1.conv1"), network.get_submodule("head.logits")
    assert isinstance(conv, nn.Conv2d) and isinstance(logits, nn.Linear) and conv.bias is not None
    full = nn.Sequential(nn.Flatten(), nn.Linear(3 * 36, 7), nn.ReLU(), nn.Linear(7, 4)).double()
    full.load_state_dict(
        {"1.weight": conv.weight.flatten(1), "1.bias": conv.bias, "3.weight": logits.weight, "3.bias": logits.bias}
    )
    assert rows(network, SHAPE)[0].macs == rows(full, SHAPE)[1].macs == 7 * 3 * 36
    assert rows(network, SHAPE)[0].receptive_field == rows(full, SHAPE)[1].receptive_field == (6, 6)

    x, y = torch.randn(50, 8, *SHAPE, dtype=torch.float64), torch.randint(4, (50, 8))
    torch.testing.assert_close(network(x[0]), full(x[0]), rtol=0, atol=1e-14)
    optimizers = [torch.optim.SGD(n.parameters(), lr=0.1, momentum=0.9) for n in (network, full)]
    for images, labels in zip(x, y, strict=True):
        for n, optimizer in zip((network, full), optimizers, strict=True):
            optimizer.zero_grad()
            cross_entropy(n(images), labels).backward()
            optimizer.step()
    torch.testing.assert_close(network(x[0]), full(x[0]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_only_1x1_networks_are_blind_to_a_permutation_of_pixels(kernel_size: int) -> None:
    network = ConvNet(SHAPE, 4, channels=(5, 7), kernel_size=kernel_size, pool="none", head="average").double()
    images, order = torch.randn(2, *SHAPE, dtype=torch.float64), torch.randperm(36)
    shuffled = images.flatten(2)[..., order].view_as(images)
    same = torch.allclose(network(images), network(shuffled), rtol=0, atol=1e-14)
    assert same == (kernel_size == 1)

    features = nn.Sequential(*list(network.children())[:-1])
    moved = features(images).flatten(2)[..., order].view(2, 7, 6, 6)
    assert torch.allclose(features(shuffled), moved, rtol=0, atol=1e-14) == (kernel_size == 1)
