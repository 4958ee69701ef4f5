import torch
from torch import Tensor, nn

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.trace import trace

SHAPE = (1, 8, 8)


def test_calls_come_in_order_with_the_shapes_that_layers_see() -> None:
    network = ConvNet(SHAPE, 3, channels=(2,), kernel_size=2, convs_per_block=1, head=())
    seen = [(call.name, call.input, call.output) for call in trace(network, SHAPE).calls]
    assert seen == [
        ("block1.pad1", (1, 8, 8), (1, 9, 9)),
        ("block1.conv1", (1, 9, 9), (2, 8, 8)),
        ("block1.activation1", (2, 8, 8), (2, 8, 8)),
        ("block1.pool", (2, 8, 8), (2, 4, 4)),
        ("head.flatten", (2, 4, 4), (32,)),
        ("head.logits", (32,), (3,)),
    ]
    assert trace(network, SHAPE).plain


def test_the_meta_device_gives_the_same_calls_without_computing() -> None:
    with torch.device("meta"):
        network = ConvNet(SHAPE, 3, norm="batch")
    shapes = [(call.name, call.output) for call in trace(network, SHAPE).calls]
    assert shapes == [(call.name, call.output) for call in trace(ConvNet(SHAPE, 3, norm="batch"), SHAPE).calls]


class Odd(nn.Module):
    """`kind` says what happens beside layers in a row."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.a, self.b = kind, nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        if self.kind == "between":
            y = y.abs()
        y = self.b(y)
        return y + x if self.kind == "after" else y


def test_what_happens_beside_the_layers_is_noticed() -> None:
    assert trace(Odd("nothing"), SHAPE).plain
    assert not trace(Odd("after"), SHAPE).plain
    between = trace(Odd("between"), SHAPE)
    assert not between.plain
    assert [call.follows for call in between.calls] == [True, False]


def test_a_trace_changes_nothing() -> None:
    network = ConvNet(SHAPE, 3, norm="batch", dropout=0.5)
    network.head.eval()
    modes = [module.training for module in network.modules()]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    trace(network, SHAPE)
    assert torch.equal(torch.rand(1), expected)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_several_outputs_have_the_shape_of_the_first():
    network = nn.Sequential(nn.Flatten(2), nn.GRU(SHAPE[1] * SHAPE[2], 5, batch_first=True))
    assert trace(network, SHAPE).calls[-1].output == (SHAPE[0], 5)
