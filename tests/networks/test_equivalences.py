"""What the text says of kernel sizes at both ends: 1x1, the size of the image, and even ones."""

import pytest
import torch
from torch import Tensor, nn

from cnnlab.networks.convnet import ConvNet


def test_a_kernel_of_the_images_size_is_a_fully_connected_layer() -> None:
    """Equal in float64 before and after 50 steps of SGD, in logits and in weights."""
    knobs = {"channels": [6], "kernel_size": 8, "convs_per_block": 1, "padding": "valid", "pool": "none", "head": []}
    network = ConvNet((2, 8, 8), 5, **knobs).double()
    full = nn.Sequential(nn.Flatten(), nn.Linear(2 * 8 * 8, 6), nn.ReLU(), nn.Linear(6, 5)).double()
    ours = [network.get_submodule("block1.conv1"), network.get_submodule("head.logits")]
    with torch.no_grad():
        for mine, theirs in zip(ours, (full[1], full[3]), strict=True):
            theirs.get_parameter("weight").copy_(mine.get_parameter("weight").flatten(1))
            theirs.get_parameter("bias").copy_(mine.get_parameter("bias"))
    x, y = torch.randn(16, 2, 8, 8, dtype=torch.float64), torch.arange(16) % 5
    torch.testing.assert_close(network(x), full(x), rtol=1e-13, atol=1e-14)
    start = ours[0].get_parameter("weight").detach().clone()
    for net in (network, full):
        optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
        for _ in range(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
    trained = ours[0].get_parameter("weight")
    assert (trained - start).abs().max() > 0.01
    torch.testing.assert_close(trained.flatten(1), full[1].get_parameter("weight"), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(network(x), full(x), rtol=1e-10, atol=1e-12)


def shuffled(x: Tensor) -> Tensor:
    order = torch.randperm(x.shape[2] * x.shape[3], generator=torch.Generator().manual_seed(4))
    return x.flatten(2)[..., order].view_as(x)


def test_1x1_kernels_are_blind_to_where_pixels_are() -> None:
    x = torch.randn(4, 3, 6, 6, dtype=torch.float64)
    nets = {
        size: ConvNet((3, 6, 6), 5, channels=[8, 8], kernel_size=size, pool="none", head="average").double()
        for size in (1, 3)
    }
    torch.testing.assert_close(nets[1](x), nets[1](shuffled(x)), rtol=1e-12, atol=1e-14)
    assert not torch.allclose(nets[3](x), nets[3](shuffled(x)), rtol=1e-3)


@pytest.mark.parametrize(("size", "drift"), [(2, -0.5), (3, 0.0), (4, -0.5), (5, 0.0)])
def test_even_kernels_shift_the_map_half_a_pixel_a_layer(size: int, drift: float) -> None:
    """The centre of mass of what a single bright pixel becomes under kernels without any direction of their own."""
    layers, side = 6, 41
    network = ConvNet(
        (1, side, side), 2, channels=[1], kernel_size=size, convs_per_block=layers, pool="none", activation="none"
    ).double()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.fill_(1 / size**2)
                module.get_parameter("bias").zero_()
        x = torch.zeros(1, 1, side, side, dtype=torch.float64)
        x[..., side // 2, side // 2] = 1
        spot = network.get_submodule("block1")(x)[0, 0]
    places = torch.arange(side, dtype=torch.float64)
    for axis in (0, 1):
        centre = float((spot.sum(1 - axis) * places).sum() / spot.sum())
        assert centre - side // 2 == pytest.approx(drift * layers, abs=1e-9)
