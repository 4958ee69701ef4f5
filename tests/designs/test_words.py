import pytest

from cnnlab.designs.words import count, kib, label, memory, rough, same_or_both
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.geometry import rows


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (784, "784"),
        (9_999, "9,999"),
        (10_000, "10.0k"),
        (112_896, "113k"),
        (999_600, "1,000k"),
        (1_806_336, "1.81M"),
        (182_101_324, "182M"),
        (1.32e9, "1.32G"),
        (4e12, "4,000G"),
    ],
)
def test_rough_numbers_keep_three_digits(value: float, written: str) -> None:
    assert rough(value) == written


def test_counts_are_exact_below_a_million() -> None:
    assert [count(v) for v in (2736, 999_999, 1_180_000)] == ["2,736", "999,999", "1.18M"]


def test_bytes() -> None:
    assert [kib(v) for v in (16, 12_345, 200_000)] == ["0.02", "12.1", "195"]
    assert [memory(v) for v in (12_345, 3 * 2**20)] == ["12.1 KiB", "3.0 MiB"]


def test_pairs() -> None:
    assert same_or_both((0.5, 0.5)) == "0.5"
    assert same_or_both((3, 5)) == "3,5"


def test_labels_of_layers() -> None:
    network = ConvNet(
        (1, 16, 16), 3, channels=(2,), kernel_size=4, stride=2, pool="sum", norm="batch", activation="tanh", dropout=0.5
    )
    assert [label(row) for row in rows(network, (1, 16, 16))] == [
        *("pad 1+2", "conv1 4x4 /2", "norm1", "tanh", "pad 1+2", "conv2 4x4", "norm2", "tanh", "sum pool 2x2"),
        *("flatten", "dropout1", "fc1", "tanh", "dropout", "logits"),
    ]
