import pytest
import torch
from torch import Tensor, nn

from cnnlab.common.errors import InputError
from cnnlab.datasets.base import Split, normalize
from cnnlab.evaluation.invariance import Invariance, curves
from cnnlab.evaluation.transforms import permute, rotate, shift, squash
from cnnlab.networks.convnet import ConvNet

MEAN, STD = (0.4, 0.5), (0.2, 0.3)


def some(n: int = 23) -> Split:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (n, 2, 8, 8), dtype=torch.uint8, generator=generator)
    return Split(images, torch.randint(0, 3, (n,), generator=generator))


def network() -> nn.Module:
    torch.manual_seed(3)
    return ConvNet((2, 8, 8), 3, channels=[4], head=[])


def test_numbers_against_one_image_at_a_time() -> None:
    net, split = network().eval(), some()
    changes = {
        "shift=2": [
            lambda x: shift(x, -2, 0),
            lambda x: shift(x, 2, 0),
            lambda x: shift(x, 0, -2),
            lambda x: shift(x, 0, 2),
        ],
        "rotation=30": [lambda x: rotate(x, 30), lambda x: rotate(x, -30)],
        "squash=0.5": [lambda x: squash(x, height=0.5), lambda x: squash(x, width=0.5)],
    }
    expected = {}
    for name, functions in changes.items():
        right = kept = 0
        for image, label in zip(split.images, split.labels, strict=True):
            x = normalize(image[None], MEAN, STD)
            own = int(net(x).argmax())
            for change in functions:
                seen = int(net(change(x)).argmax())
                right, kept = right + (seen == int(label)), kept + (seen == own)
        expected[f"test/accuracy@{name}"] = right / (len(split) * len(functions))
        expected[f"test/consistency@{name}"] = kept / (len(split) * len(functions))
    measured = Invariance([2], [30], [0.5])(net, split, MEAN, STD, batch_size=5)
    assert measured == pytest.approx(expected | {"test/changed_images": 23})
    assert 0 < measured["test/consistency@shift=2"] < 1, "a network that no shift moves would prove nothing"


def test_without_grids_nothing_is_measured() -> None:
    class Never(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise AssertionError("the network was asked")

    assert Invariance()(Never(), some(), MEAN, STD) == {}


def test_average_head_without_border_is_blind_to_shifts() -> None:
    """A global average over an empty frame sees the same cells wherever they lie."""
    torch.manual_seed(0)
    net = ConvNet((1, 16, 16), 4, channels=[8], kernel_size=3, pool="none", head="average")
    images = torch.zeros(10, 1, 16, 16, dtype=torch.uint8)
    images[:, :, 6:10, 6:10] = torch.randint(0, 256, (10, 1, 4, 4), dtype=torch.uint8)
    split = Split(images, torch.zeros(10, dtype=torch.int64))
    assert Invariance([1, 3])(net, split, (0.0,), (1.0,))["test/consistency@shift=3"] == 1.0


def test_mode_and_weights_stay_and_numbers_repeat() -> None:
    net, split = network().train(), some()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    measure = Invariance([1], [15], [0.8])
    first = measure(net, split, MEAN, STD)
    assert net.training and first == measure(net, split, MEAN, STD)
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_a_part_of_the_images_is_spread_evenly() -> None:
    split = some(20)
    part = Split(split.images[[0, 5, 10, 15]], split.labels[[0, 5, 10, 15]])
    found = Invariance([1], images=4)(network(), split, MEAN, STD)
    assert found == Invariance([1])(network(), part, MEAN, STD) and found["test/changed_images"] == 4


@pytest.mark.parametrize(
    ("grids", "words"),
    [
        ({"shifts": [0]}, r"evaluation.shifts=\[0\] is not allowed"),
        ({"shifts": [1.5]}, r"evaluation.shifts=\[1.5\]"),
        ({"rotations": [10, 400]}, r"evaluation.rotations=\[10,400\] .*\n.* > 0 and <= 180"),
        ({"squashes": [1.5]}, r"evaluation.squashes=\[1.5\] .*\n.* > 0 and < 1"),
        ({"squashes": [1]}, r"evaluation.squashes=\[1\]"),
        ({"squashes": ["half"]}, r"evaluation.squashes=\[half\]"),
        ({"images": 0}, "evaluation.images=0"),
    ],
)
def test_a_wrong_grid_is_refused(grids: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Invariance(**grids)


def test_a_shift_out_of_the_picture_is_refused() -> None:
    with pytest.raises(InputError, match="below 8"):
        Invariance([1, 8]).check((2, 8, 8))
    Invariance([7]).check((2, 8, 8))


def test_curves_have_the_amount_as_step() -> None:
    results = {
        "test/accuracy": 0.9,
        "test/accuracy@shift=4": 0.5,
        "test/consistency@shift=4": 0.6,
        "test/accuracy@squash=0.75": 0.7,
        "train/loss": 1.0,
        "status": "completed",
    }
    assert list(curves(results)) == [
        ("invariance/accuracy_by_shift_px", 0, 0.9),
        ("invariance/accuracy_by_shift_px", 4, 0.5),
        ("invariance/consistency_by_shift_px", 0, 1.0),
        ("invariance/consistency_by_shift_px", 4, 0.6),
        ("invariance/accuracy_by_squash_percent", 0, 0.9),
        ("invariance/accuracy_by_squash_percent", 25, 0.7),
    ]


def _centred(kernel_size: int) -> nn.Module:
    torch.manual_seed(2)
    first = nn.Conv2d(2, 16, kernel_size, padding=kernel_size // 2)
    layers = [first, nn.Tanh(), nn.Conv2d(16, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(3)]
    network = nn.Sequential(*layers)
    split = some(200)
    network(normalize(split.images, MEAN, STD))  # batch norm centres the logits, so that all classes occur
    network[-1].momentum = None
    network[-1].reset_running_stats()
    network(normalize(split.images, MEAN, STD))
    return network.eval()


@pytest.mark.parametrize(("kernel_size", "blind"), [(1, True), (3, False)])
def test_only_a_network_of_1x1_convolutions_and_an_average_is_blind_to_the_order(kernel_size: int, blind: bool) -> None:
    """float32 sums in another order can move a tie; no image of these is one."""
    net, split = _centred(kernel_size), some(200)
    classes = net(normalize(split.images, MEAN, STD)).argmax(1).bincount(minlength=3)
    assert classes.min() > 20, "a network with one answer would prove nothing"
    assert (Invariance(permute=True)(net, split, MEAN, STD)["test/consistency@permute"] == 1) == blind


def test_permuted_numbers_against_one_image_at_a_time() -> None:
    net, split = network().eval(), some()
    right = kept = 0
    for image, label in zip(split.images, split.labels, strict=True):
        x = normalize(image[None], MEAN, STD)
        seen = int(net(permute(x)).argmax())
        right, kept = right + (seen == int(label)), kept + (seen == int(net(x).argmax()))
    expected = {"test/accuracy@permute": right / len(split), "test/consistency@permute": kept / len(split)}
    expected["test/changed_images"] = len(split)
    measured = Invariance(permute=True)(net, split, MEAN, STD, batch_size=5)
    assert measured == pytest.approx(expected) and 0 < kept < len(split)
    assert list(curves(measured)) == [], "no amount, no curve"
