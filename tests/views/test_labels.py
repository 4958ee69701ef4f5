"""Layers of a design in a few letters."""

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.geometry import rows
from cnnlab.views.labels import label


def test_labels_of_layers() -> None:
    network = ConvNet(
        (1, 16, 16), 3, channels=(2,), kernel_size=4, stride=2, pool="sum", norm="batch", activation="tanh", dropout=0.5
    )
    assert [label(row) for row in rows(network, (1, 16, 16))] == [
        *("pad 1+2", "conv1 4x4 /2", "norm1", "tanh", "pad 1+2", "conv2 4x4", "norm2", "tanh", "sum pool 2x2"),
        *("flatten", "dropout1", "fc1", "tanh", "dropout", "logits"),
    ]
