"""Predicted bytes against autograd's own account, and that account against a hand calculation."""

from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.geometry import rows, saved_bytes, unknown
from cnnlab.networks.memory import measured, predicted
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.table import activation_layer
from cnnlab.networks.trace import trace

SHAPE = (3, 31, 31)  # odd, so that pooling windows are cut


def check(network: nn.Module, shape: tuple[int, int, int] = SHAPE, images: int = 3) -> None:
    """Layer by layer, for a batch."""
    passage = trace(network, shape)
    expected = {}
    for call, kept in zip(passage.calls, predicted(passage), strict=True):
        assert kept is not None, call.name
        expected[call.name] = expected.get(call.name, 0) + images * kept.image + kept.batch
    assert measured(network, torch.rand(images, *shape)) == {name: size for name, size in expected.items() if size}


@pytest.mark.parametrize("pool", ["max", "mean", "sum", "none"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("kernel_size", "stride"), list(product([1, 2, 3, 4], [1, 2])))
def test_kernels_strides_paddings_and_poolings(kernel_size: int, stride: int, padding: str, pool: str) -> None:
    knobs = {"kernel_size": kernel_size, "stride": (stride, 1), "padding": padding, "pool": (pool, "none")}
    check(ConvNet(SHAPE, 5, channels=(4, 6), convs_per_block=(2, 1), **knobs))


@pytest.mark.parametrize("activation", [name for name, kind in ACTIVATIONS.items() if kind.saved])
@pytest.mark.parametrize(("norm", "pool"), list(product(["none", "batch"], ["max", "mean"])))
def test_norms_and_activations(norm: str, activation: str, pool: str) -> None:
    check(ConvNet(SHAPE, 5, channels=(4, 6), norm=norm, activation=activation, pool=pool))


@pytest.mark.parametrize(("norm", "pool"), list(product(["none", "batch"], ["max", "none"])))
def test_linear_layers_within_a_block(norm: str, pool: str) -> None:
    check(ConvNet(SHAPE, 5, channels=(4, 6), convs_per_block=3, activate="last", norm=norm, pool=pool))


@pytest.mark.parametrize("head", ["average", (), (8,), (8, 7)])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("pool", ["max", "none"])
def test_heads_and_dropout(head: str | tuple[int, ...], dropout: float, pool: str) -> None:
    check(ConvNet(SHAPE, 5, channels=(4,), head=head, dropout=dropout, pool=pool))


@pytest.mark.parametrize("activation", ["elu", "selu", "celu", "silu", "mish", "hardtanh", "relu6", "hardswish"])
def test_activations_in_place(activation: str) -> None:
    layer = activation_layer(activation)
    layer.inplace = True
    check(nn.Sequential(nn.Conv2d(3, 4, 3), layer, nn.Conv2d(4, 4, 3), layer))


@pytest.mark.parametrize(
    "norm", [nn.GroupNorm(2, 4), nn.LayerNorm([4, 29, 29]), nn.LayerNorm(29), nn.BatchNorm2d(4)], ids=str
)
def test_norms_of_foreign_networks(norm: nn.Module) -> None:
    check(nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.ReLU(), nn.Conv2d(4, 4, 3)))


def test_what_is_kept_besides_input_and_output_is_said_to_be_unknown() -> None:
    for layer in (nn.Softsign(), nn.InstanceNorm2d(4), nn.Dropout2d(0.5), nn.Softmax2d()):
        kept = predicted(trace(nn.Sequential(nn.Conv2d(3, 4, 3), layer, nn.ReLU()), SHAPE))
        assert kept[0] is not None and kept[1:] == [None, None]


@pytest.mark.parametrize(
    "layers",
    [
        [nn.ReLU(inplace=True), nn.Conv2d(4, 4, 3), nn.LeakyReLU(inplace=True)],  # written over: nothing extra
        [nn.Dropout(0.3, inplace=True), nn.AdaptiveAvgPool2d(3)],
        [nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 2, bias=False)],
        [nn.Conv2d(4, 4, 4, padding="same"), nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular")],  # padded copies
        [nn.BatchNorm2d(4, affine=False), nn.Identity(), nn.ZeroPad2d(1), nn.MaxPool2d(3, 2, 1)],
    ],
)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_layers_of_ones_own(layers: list[nn.Module]) -> None:
    check(nn.Sequential(nn.Conv2d(3, 4, 3), *layers))


def test_before_the_first_trained_weight_nothing_is_kept() -> None:
    network = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 2))
    check(network)
    network[1].requires_grad_(False)
    check(network)
    assert set(measured(network, torch.rand(2, *SHAPE))) == {"4"}


def test_by_hand() -> None:
    # a 2x8x8 image; conv 2 -> 4 keeps it; relu keeps 4x8x8; pooling keeps 4x4x4 positions of 8 bytes; the
    # full connection keeps 64 numbers.
    network = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3))
    expected = {"0": 4 * 2 * 64, "1": 4 * 4 * 64, "2": 8 * 64, "4": 4 * 64}
    assert measured(network, torch.rand(1, 2, 8, 8)) == expected


def test_two_3x3_keep_three_maps_where_one_5x5_keeps_two() -> None:
    two = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
    one = nn.Sequential(nn.Conv2d(8, 8, 5, padding=2), nn.ReLU())
    batch = torch.rand(2, 8, 16, 16)
    maps = [sum(measured(network, batch).values()) / (4 * batch.numel()) for network in (two, one)]
    assert maps == [3, 2]


def test_measuring_leaves_network_and_random_numbers_alone() -> None:
    network = ConvNet(SHAPE, 5, channels=(4,), norm="batch", dropout=0.5).eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    measured(network, torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.rand(3), expected)
    assert not any(module.training for module in network.modules())
    assert not any(module._forward_hooks for module in network.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


class Shortcut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.silu(self.last(F.gelu(x + self.second(self.first(x)))))


def test_sums_and_functions_save_what_is_measured() -> None:
    area = 4 * 3 * 31**2
    # gelu keeps the sum, the last convolution gelu's result, and silu what it gets
    expected = {"first": area, "second": area, "gelu": area, "last": area, "silu": 4 * 3 * 29**2}
    passage = trace(Shortcut(), SHAPE)
    kept = {call.name: saved.image for call, saved in zip(passage.calls, predicted(passage), strict=True) if saved}
    assert kept == {**expected, "add": 0}
    assert measured(Shortcut(), torch.rand(1, *SHAPE)) == expected


def test_from_a_layer_without_a_formula_on_only_measurement_knows() -> None:
    passage = trace(nn.Sequential(nn.Conv2d(3, 3, 1), nn.Softmax(1), nn.ReLU()), SHAPE)
    assert [kept is None for kept in predicted(passage)] == [False, True, True]


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Only in training, where a trace does not see it.
        return checkpoint(self.block, x, use_reentrant=False) if self.training else self.block(x)


def test_what_a_forward_method_does_not_save_is_noticed() -> None:
    assert saved_bytes(nn.Sequential(Checkpointed().block), SHAPE) is not None
    assert saved_bytes(Checkpointed(), SHAPE) is None
    assert "as with checkpointing" in (unknown(Checkpointed(), SHAPE) or "")
    assert all(row.saved_bytes is None for row in rows(Checkpointed(), SHAPE))
    assert saved_bytes(Shortcut(), SHAPE) is not None


def test_what_led_nowhere_is_not_saved() -> None:
    class Aside(Shortcut):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.second(self.first(x))
            return self.last(x)

    assert saved_bytes(Aside(), SHAPE) == sum(measured(Aside(), torch.rand(1, *SHAPE)).values()) == 4 * 3 * 31**2
