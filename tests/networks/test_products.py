"""MACs against naive counting, by hand and by what is published."""

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.networks.geometry import parameters, rows
from cnnlab.networks.products import macs

SHAPE = (3, 16, 16)


def test_groups_divide_the_products() -> None:
    network = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2, bias=False))
    (row,) = rows(network, (4, 8, 8))
    assert row.macs == 6 * 6 * 8 * 2 * 9 == macs(network, (4, 8, 8))
    assert (row.weights, row.biases) == (8 * 2 * 9, 0)


def test_a_layer_without_a_formula_is_counted_by_pytorch() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 2, 2))
    assert macs(network, SHAPE) == 14 * 14 * 4 * 27 + 14 * 14 * 4 * 2 * 4


@pytest.mark.filterwarnings("ignore")  # torchvision's own, at construction
@pytest.mark.parametrize(
    "name",
    [
        *("resnet18", "resnext50_32x4d", "densenet121", "googlenet", "squeezenet1_1", "mobilenet_v3_small"),
        *("shufflenet_v2_x1_0", "efficientnet_b0", "convnext_tiny", "vit_b_16", "swin_t"),
    ],
)
def test_macs_and_parameters_are_those_that_torchvision_publishes(name: str) -> None:
    """The weights' documents state both, for the image size of their evaluation."""
    published = next(iter(torchvision.models.get_model_weights(name)))
    network = torchvision.models.get_model(name, **({"init_weights": False} if name == "googlenet" else {}))
    if name == "googlenet":  # the published number is without the auxiliary classifiers
        network.aux1 = network.aux2 = None
    side = published.transforms.keywords["crop_size"]  # type: ignore[union-attr]
    assert parameters(network) == published.meta["num_params"]
    assert macs(network.to("meta"), (3, side, side)) / 1e9 == pytest.approx(published.meta["_ops"], rel=0.01, abs=6e-4)


def test_the_macs_of_attention_are_counted_on_the_cpu_as_well() -> None:
    """In evaluation mode PyTorch runs a whole encoder layer as one function, which no counter looks into."""
    tokens, width, inner = 64, 16, 32

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(width, 2, inner, batch_first=True)
            self.encoder, self.logits = nn.TransformerEncoder(layer, 2), nn.Linear(width, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.logits(self.encoder(x.flatten(2).transpose(1, 2).expand(-1, -1, width)).mean(1))

    projections, products = 4 * tokens * width**2, 2 * tokens**2 * width
    layer = projections + products + 2 * tokens * width * inner
    before = torch.backends.mha.get_fastpath_enabled()
    assert macs(Encoder(), (1, 8, 8)) == 2 * layer + 10 * width
    assert torch.backends.mha.get_fastpath_enabled() is before


@pytest.mark.parametrize(
    ("make", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)], ids=lambda make: getattr(make, "__name__", "")
)
def test_the_macs_of_recurrent_layers_are_those_of_their_gates_at_each_step(make: type[nn.RNNBase], gates: int) -> None:
    class Lines(nn.Module):
        def __init__(self):
            super().__init__()
            self.rows = make(16, 5, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.rows(x[:, 0])[0]

    assert macs(Lines(), SHAPE) == 16 * gates * 5 * (16 + 5)


def test_the_macs_of_a_bilinear_layer_are_its_weights() -> None:
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.both = nn.Bilinear(3, 3, 7)

        def forward(self, x: Tensor) -> Tensor:
            return self.both(x.mean((2, 3)), x.amax((2, 3)))

    assert macs(Pair(), SHAPE) == 7 * 3 * 3


@pytest.mark.parametrize(
    ("function", "count"),
    [
        (lambda x, q: x.flatten(2).transpose(1, 2) @ q, 256 * 3),
        (lambda x, q: torch.addmv(x[0, :, 0, 0], x[0, 0, :3, :3], q), 3 * 3),
        (lambda x, q: x[0, :, 0, 0] @ q, 3),
        (lambda x, q: torch.vdot(x[0, :, 0, 0], q), 3),
        (lambda x, q: torch.addbmm(x[0, 0], x[0], x[0]), 3 * 16**3),
        (lambda x, q: torch.einsum("nchw,c->nhw", x, q), 256 * 3),
        (lambda x, q: F.linear(x.movedim(1, -1), q), 256 * 3),
        (lambda x, q: torch.inner(x.movedim(1, -1), q), 256 * 3),
        (lambda x, q: torch.tensordot(x, q, dims=([1], [0])), 256 * 3),
    ],
    ids=["mv", "addmv", "dot", "vdot", "addbmm", "einsum", "linear", "inner", "tensordot"],
)
def test_products_with_vectors_count(function: Callable[[Tensor, Tensor], Tensor], count: int) -> None:
    class Scored(nn.Module):
        def __init__(self):
            super().__init__()
            self.q = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            return function(x, self.q)

    assert macs(Scored(), SHAPE) == count


def test_libraries_are_as_they_were_afterwards() -> None:
    before = torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled
    with pytest.raises(RuntimeError):
        macs(nn.Sequential(nn.ConvTranspose2d(3, 4, 2), nn.Conv2d(5, 4, 2)), SHAPE)
    macs(nn.ConvTranspose2d(3, 4, 2), SHAPE)
    assert (torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled) == before
