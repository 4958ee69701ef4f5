"""Counts against naive counting: unfolded windows, gradients of ones, PyTorch's own FLOP counter."""

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.geometry import (
    field_shift,
    last_map,
    macs,
    measures,
    non_linearities_in_a_row,
    parameters,
    receptive_field,
    rows,
    saved_bytes,
    saved_bytes_measured,
    unknown,
)

SHAPE = (3, 16, 16)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4])
@pytest.mark.parametrize("pool", ["max", "none"])
def test_macs_and_weights_equal_naive_counts(kernel_size: int, padding: str, pool: str) -> None:
    shape = (3, 40, 40)
    network = ConvNet(shape, 5, channels=(4, 6), kernel_size=kernel_size, stride=(2, 1), padding=padding, pool=pool)
    modules = dict(network.named_modules())
    counted = 0
    for row in rows(network, shape):
        module = modules[row.name]
        if isinstance(module, nn.Conv2d):
            assert isinstance(module.padding, tuple)
            image = F.pad(torch.ones(1, *row.input), (module.padding[1],) * 2 + (module.padding[0],) * 2)
            patches = F.unfold(image, module.kernel_size, stride=module.stride)  # (1, c_in k^2, positions)
            assert row.macs == patches.numel() * module.out_channels
            assert (row.weights, row.biases) == (patches.shape[1] * module.out_channels, module.out_channels)
            assert row.uses == patches.shape[2]
        elif isinstance(module, nn.Linear):
            assert (row.weights, row.biases, row.uses) == (module.weight.numel(), module.out_features, 1)
            assert row.macs == module.weight.numel()
        else:
            assert (row.macs, row.weights) == (0, 0)
        counted += row.macs
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, *shape))
    assert macs(network, shape) == counted == counter.get_total_flops() / 2


def test_uses_are_how_often_a_weight_enters_the_sum() -> None:
    network = ConvNet(SHAPE, 5, channels=(4,), kernel_size=3, stride=2, convs_per_block=1, padding="valid")
    conv = network.get_submodule("block1.conv1")
    conv(torch.ones(1, *SHAPE)).sum().backward()  # the gradient of a weight counts its uses
    uses = {row.name: row.uses for row in rows(network, SHAPE)}["block1.conv1"]
    assert isinstance(conv, nn.Conv2d) and conv.weight.grad is not None
    assert uses == 7 * 7
    assert (conv.weight.grad == uses).all()


def test_the_first_block_of_the_text() -> None:
    """Two 3x3 have 18 c^2 weights and one 5x5 has 25 c^2, but three input channels turn the first block round."""
    by_block = []
    for kernel_size, convs in ((3, 2), (5, 1)):
        network = ConvNet((3, 32, 32), 10, channels=(16, 16), kernel_size=kernel_size, convs_per_block=convs)
        found = rows(network, (3, 32, 32))
        by_block.append([sum(r.weights for r in found if r.name.startswith(b)) for b in ("block1", "block2")])
    assert by_block == [[2736, 18 * 16**2], [1200, 25 * 16**2]]


def test_shape_and_field_of_99_unpadded_convolutions() -> None:
    with torch.device("meta"):
        network = ConvNet((1, 199, 199), 2, channels=(4,), convs_per_block=99, padding="valid", pool="none", head=())
    found = rows(network, (1, 199, 199))
    maps = [row.output[1] for row in found if row.kind == "convolution"]
    assert maps == [199 - 2 * i for i in range(1, 100)]
    assert receptive_field(found) == (199, 199)


@pytest.mark.parametrize(
    ("knobs", "field"),
    [
        ({"channels": (4,), "kernel_size": 3, "convs_per_block": 2, "pool": "none"}, 5),
        ({"channels": (4,), "kernel_size": 5, "convs_per_block": 1, "pool": "none"}, 5),
        ({"channels": (4,), "kernel_size": 5, "convs_per_block": 1, "pool": "none", "head": "average"}, 5),
        ({"channels": (), "head": ()}, 16),  # without a map: what the full connection sees
    ],
)
def test_receptive_field_is_that_of_the_last_map(knobs: dict, field: int) -> None:
    assert receptive_field(rows(ConvNet(SHAPE, 5, **knobs), SHAPE)) == (field, field)


@pytest.mark.parametrize("head", [(), (8,), "average"])
def test_the_head_sees_the_whole_image(head: str | tuple[int, ...]) -> None:
    last = rows(ConvNet(SHAPE, 5, padding="valid", channels=(4,), pool="none", head=head), SHAPE)[-1]
    assert last.receptive_field == (16, 16)
    assert last.centre == (7.5, 7.5)


def shift_of_light(features: nn.Module, side: int) -> float:
    """With all weights equal and no activation, how far the map's response to one pixel lies from that pixel, in
    image pixels, when the map is laid over the image; mean over pixels around the middle, which see no border."""
    for parameter in features.parameters():
        nn.init.constant_(parameter, 0.0 if parameter.dim() == 1 else 1.0)
    middle = range(side // 2 - 12, side // 2 + 12)
    images = torch.zeros(len(middle), 1, side, side)
    for i, place in enumerate(middle):
        images[i, :, place, place] = 1
    with torch.no_grad():
        light = features(images).sum(dim=(1, 2))  # (pixels, columns)
    cells = light.shape[1]
    jump = float(side // cells) if side // cells > 1 else 1.0
    places = (side - 1) / 2 + (torch.arange(cells) - (cells - 1) / 2) * jump
    centroids = (light * places).sum(1) / light.sum(1)
    return abs((centroids - torch.tensor([float(m) for m in middle])).mean().item())


@pytest.mark.parametrize(
    ("knobs", "shift"),
    [
        ({"kernel_size": 3, "convs_per_block": 3, "pool": "none"}, 0.0),
        ({"kernel_size": 5, "convs_per_block": 2, "pool": "mean"}, 0.0),
        ({"kernel_size": 2, "convs_per_block": 3, "pool": "none"}, 3.0),
        ({"kernel_size": [4, 3], "convs_per_block": 1, "pool": "none"}, 0.5),
        ({"kernel_size": [3, 2], "convs_per_block": 1, "pool": "mean"}, 1.0),  # half a cell of two pixels
        ({"kernel_size": 4, "convs_per_block": 2, "pool": "none", "padding": "valid"}, 0.0),
        ({"kernel_size": 3, "convs_per_block": 1, "stride": (2, 1), "pool": "none"}, 0.5),
        ({"kernel_size": 2, "convs_per_block": 1, "stride": (2, 1), "pool": "none"}, 1.0),  # 0 of its own, then half 2
    ],
)
def test_the_fields_shift_is_that_of_a_point_of_light(knobs: dict, shift: float) -> None:
    shape = (1, 48, 48)
    network = ConvNet(shape, 5, channels=(2, 2), activation="none", head="average", **knobs)
    assert measures(network, shape)["model/field_shift"] == shift
    features = nn.Sequential(*list(network.children())[:-1])
    assert shift_of_light(features, 48) == pytest.approx(shift, abs=1e-4)


def test_shift_along_one_axis_is_the_larger_one() -> None:
    network = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 0)), nn.Conv2d(3, 2, (3, 2), padding=(1, 0)))
    assert field_shift(rows(network, SHAPE)[-1], SHAPE) == 0.5


@pytest.mark.parametrize("head", ["average", (), (8,)])
def test_the_last_map_is_what_the_head_gets(head: str | tuple[int, ...]) -> None:
    shape = (3, 24, 17)
    network = ConvNet(shape, 5, channels=(4, 6), pool=("max", "none"), padding="valid", head=head)
    seen = nn.Sequential(*list(network.children())[:-1])(torch.zeros(1, *shape))
    found = measures(network, shape)
    assert found["model/map_side"] == max(seen.shape[2:]) and found["model/map_cells"] == seen[0, 0].numel()


def test_without_a_map_there_is_neither_side_nor_shift() -> None:
    network = ConvNet(SHAPE, 5, channels=(), head=())
    assert last_map(rows(network, SHAPE)) is None
    assert not {"model/map_side", "model/map_cells", "model/field_shift"} & set(measures(network, SHAPE))


def test_measures_of_a_convnet() -> None:
    network = ConvNet(SHAPE, 5, channels=(4,), convs_per_block=1, norm="batch", dropout=0.5)
    found = measures(network, SHAPE)
    assert found["model/parameters"] == 4 * 27 + 2 * 4 + 256 * 64 + 64 + 64 * 5 + 5
    assert found["model/macs"] == 256 * 4 * 27 + 256 * 64 + 64 * 5
    assert found["model/receptive_field"] == 4
    assert (found["model/map_side"], found["model/map_cells"], found["model/field_shift"]) == (8, 64, 0)
    assert found["model/saved_bytes"] == found["model/saved_bytes_measured"]
    assert all(isinstance(value, float) for value in found.values())


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Conv2d(3, 3, 3, padding=1), nn.GroupNorm(1, 3), nn.Linear(3 * 256, 5)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.b(self.a(x))) + x
        return self.out(torch.flatten(y, 1)) * self.scale


def test_what_no_formula_covers_is_left_out() -> None:
    found = measures(Own(), SHAPE)
    assert set(found) == {"model/parameters", "model/macs", "model/saved_bytes_measured"}
    assert found["model/parameters"] == 84 + 6 + 768 * 5 + 5 + 1
    assert found["model/macs"] == 256 * 81 + 768 * 5
    assert saved_bytes(Own(), SHAPE) is None
    by_name = {row.name: row for row in rows(Own(), SHAPE)}
    assert by_name["a"].receptive_field == (3, 3)
    assert by_name["b"].receptive_field is by_name["out"].receptive_field is None
    assert by_name["b"].kind == "group norm"


def test_a_layer_that_runs_twice_has_its_weights_once() -> None:
    conv = nn.Conv2d(3, 3, 3, padding=1)
    network = nn.Sequential(conv, nn.ReLU(), conv)
    found = rows(network, SHAPE)
    assert [row.weights for row in found] == [81, 0, 0]
    assert [row.macs for row in found] == [81 * 256, 0, 81 * 256]
    assert found[-1].receptive_field == (5, 5)


def test_weights_that_several_layers_share_are_counted_once() -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 3, padding=1))
    network[2].weight = network[0].weight
    found = rows(network, SHAPE)
    assert [(row.weights, row.biases) for row in found] == [(81, 3), (0, 0), (0, 3)]
    assert sum(row.weights + row.biases for row in found) == parameters(network)


def test_a_wrapper_for_several_gpus_changes_no_number() -> None:
    network = ConvNet(SHAPE, 5, channels=(4,))
    assert measures(nn.DataParallel(network), SHAPE) == measures(network, SHAPE)
    assert rows(nn.DataParallel(network), SHAPE) == rows(network, SHAPE)


def test_layers_that_do_nothing_have_no_row() -> None:
    assert [row.kind for row in rows(ConvNet(SHAPE, 5, channels=(4,), activation="none"), SHAPE)] == [
        "convolution",
        "convolution",
        "max pool",
        "flatten",
        "fully connected",
        "fully connected",
    ]


class Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x) + x)


class Gated(Skip):
    def forward(self, x: Tensor) -> Tensor:
        return self.a(x) * self.b(x).sigmoid()


class Branches(nn.Module):
    """Fields of several sizes that are not centred alike, one of them through a function, joined in three ways."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2)
        self.wide, self.low = nn.Conv2d(4, 4, (1, 5), padding=(0, 2)), nn.Conv2d(4, 4, 4, padding="same")
        self.last = nn.Conv2d(12, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = F.max_pool2d(self.stem(x), 3, 1, 1)
        return self.last(torch.cat([self.wide(y) + y, self.low(y), y], 1))


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_branches_see_the_union_as_a_gradient_does() -> None:
    network, image = Branches(), torch.rand(1, 3, 41, 41, requires_grad=True)
    with torch.no_grad():
        for weight in network.parameters():
            weight.fill_(1.0)
    # Average instead of maximum, so that every cell of a window has a gradient.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(F, "max_pool2d", F.avg_pool2d)
        output = network(image)
    cell = output.shape[-1] // 2
    output[0, 0, cell, cell].backward()
    seen = (image.grad[0, 0] != 0).nonzero()
    first, last = seen.min(0).values, seen.max(0).values
    row = rows(network, (3, 41, 41))[-1]
    assert row.receptive_field == tuple((last - first + 1).tolist())
    middle = [centre + jump * cell for centre, jump in zip(row.centre, row.jump, strict=True)]
    assert middle == ((first + last) / 2).tolist()


# Field sizes published for these: https://distill.pub/2019/computing-receptive-fields (AlexNet, VGG16).
@pytest.mark.parametrize(("name", "published"), [("alexnet", 195), ("vgg16", 212)])
def test_receptive_fields_are_the_published_ones(name: str, published: int) -> None:
    with torch.device("meta"):
        network = getattr(torchvision.models, name)()
    assert receptive_field(rows(network, (3, 224, 224))) == (published, published)


# Functions, sums, concatenations, in-place activations: every byte that autograd saves is predicted.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["resnet18", "densenet121", "googlenet", "mobilenet_v2", "mnasnet0_5"])
def test_the_memory_of_branches_is_the_measured_one(name: str) -> None:
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    network, shape = getattr(torchvision.models, name)(num_classes=5, **options), (3, 64, 64)
    assert saved_bytes(network, shape) == sum(saved_bytes_measured(network, shape).values())


def test_non_linearities_are_counted_along_the_longest_path() -> None:
    shape = (3, 16, 16)
    assert non_linearities_in_a_row(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.ReLU()), shape) == 2
    fire = torchvision.models.squeezenet.Fire(3, 2, 4, 4)  # two of its three activations are side by side
    assert non_linearities_in_a_row(fire, shape) == 2
    assert non_linearities_in_a_row(Gated(), shape) is None
    assert non_linearities_in_a_row(nn.Sequential(nn.Conv2d(3, 4, 1), nn.GLU(1)), shape) is None
    assert non_linearities_in_a_row(nn.Sequential(nn.ConvTranspose2d(3, 4, 2), nn.ReLU()), shape) == 1


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.ReLU()), "no formula for 1 (GroupNorm)"),
        (nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")), "no formula for 0 (Conv2d)"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 4, 2)), "no formula for 1 (ConvTranspose2d)"),
        (Own(), "no formula for b (GroupNorm)"),
        (Skip(), None),
        (Gated(), "mul is a function without a formula"),
        (nn.Sequential(nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3, groups=6, dilation=2), nn.Conv2d(6, 8, 1)), None),
    ],
    ids=["group norm", "reflection", "transposed", "a sum and a norm", "a skip", "a gate", "depthwise and dilated"],
)
def test_what_is_not_known_is_named_with_the_reason(network: nn.Module, reason: str | None) -> None:
    found = unknown(network, SHAPE)
    assert found is None if reason is None else reason in (found or "")


def test_an_attention_is_one_row_with_the_weights_of_its_projections() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.fc = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, 6)

        def forward(self, x: Tensor) -> Tensor:
            x = x.flatten(2).transpose(1, 2).expand(-1, -1, 4)
            return self.fc(self.attention(x, x, x)[0])

    attention, fc = rows(Attending(), (1, 3, 3))
    assert (attention.weights, attention.biases) == (4 * 4 * 4, 4 * 4) and attention.output == (9, 4)
    assert attention.macs is attention.uses is None
    assert (fc.uses, fc.macs, fc.receptive_field) == (9, 9 * 24, None)


def test_a_parametrized_layer_is_one_row_whose_memory_is_not_known() -> None:
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 5))
    before = rows(plain, SHAPE)
    weight_norm(plain[0])
    found = rows(plain, SHAPE)
    assert [row.name for row in found] == [row.name for row in before] == ["0", "1", "2", "3"]
    assert [row.macs for row in found] == [row.macs for row in before]
    assert [row.receptive_field for row in found] == [row.receptive_field for row in before]
    assert found[0].weights == before[0].weights + 4 and found[0].biases == 4  # a direction and a length per filter
    assert found[0].saved_bytes is None and saved_bytes(plain, SHAPE) is None


def test_a_transposed_convolution_uses_its_weights_once_per_input_cell() -> None:
    network = nn.Sequential(nn.ConvTranspose2d(3, 4, 3, stride=2, groups=1))
    (row,) = rows(network, SHAPE)
    assert (row.uses, row.macs) == (256, 256 * 3 * 4 * 9)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, *SHAPE))
    assert row.macs == counter.get_total_flops() // 2


def test_scale_and_shift_are_used_as_often_as_a_map_has_cells() -> None:
    norms = (nn.BatchNorm2d(3), nn.GroupNorm(3, 3), nn.LayerNorm([3, 16, 16]), nn.PReLU())
    assert [rows(nn.Sequential(norm), SHAPE)[0].uses for norm in norms] == [256, 256, 1, 3 * 256]


def test_calls_of_one_layer_are_numbered() -> None:
    relu = nn.ReLU()
    assert [row.call for row in rows(nn.Sequential(relu, nn.Conv2d(3, 3, 1), relu), SHAPE)] == [1, 1, 2]
