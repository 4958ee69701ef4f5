import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.trace import IMAGE, Trace, trace

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
    assert plain(trace(network, SHAPE))


def test_the_meta_device_gives_the_same_calls_without_computing() -> None:
    with torch.device("meta"):
        network = ConvNet(SHAPE, 3, norm="batch")
    shapes = [(call.name, call.output) for call in trace(network, SHAPE).calls]
    assert shapes == [(call.name, call.output) for call in trace(ConvNet(SHAPE, 3, norm="batch"), SHAPE).calls]


def plain(found: Trace) -> bool:
    """Whether it is a chain of layers, or of functions that layers equal."""
    in_a_row = all(call.known and call.inputs == (i - 1,) for i, call in enumerate(found.calls))
    return in_a_row and found.output == len(found.calls) - 1


class Odd(nn.Module):
    """`forward(self, x)` as given."""

    def __init__(self, forward) -> None:
        super().__init__()
        self.a, self.b, self.act = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(inplace=True)
        self.scale, self._run = nn.Parameter(torch.ones(1, 1, 8, 8)), forward

    def forward(self, x: Tensor) -> Tensor:
        return self._run(self, x)


def _in_words(found: Trace) -> list[str]:
    return [
        f"{call.name} {type(call.module).__name__} of "
        + " and ".join("image" if place == IMAGE else found.calls[place].name for place in call.inputs)
        for call in found.calls
    ]


def _residual_in_place(m, x):
    shortcut = m.a(x)
    y = m.b(m.act(shortcut))
    y += shortcut  # what the activation in place made of it
    return y


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        (lambda m, x: m.act(m.a(x)) + x, ["a Conv2d of image", "act ReLU of a", "add Sum of act and image"]),
        (lambda m, x: m.b(m.a(x).abs()), ["a Conv2d of image", "abs Function of a", "b Conv2d of abs"]),
        (_residual_in_place, ["a Conv2d of image", "act ReLU of a", "b Conv2d of act", "add Sum of b and act"]),
        (
            lambda m, x: m.a(torch.cat([m.a(x), m.b(x)], 1)[:, :1]),
            [
                *("a Conv2d of image", "b Conv2d of image", "cat Concatenation of a and b"),
                *("getitem Function of cat", "a Conv2d of getitem"),
            ],
        ),
        (lambda m, x: m.a(x) * m.scale, ["a Conv2d of image", "mul Function of a"]),
        (lambda m, x: m.a(x) + m.scale, ["a Conv2d of image", "add Function of a"]),
        (lambda m, x: m.a(x).flatten(1), ["a Conv2d of image", "flatten Flatten of a"]),
        (lambda m, x: F.relu(m.b(F.relu(x))), ["relu ReLU of image", "b Conv2d of relu", "relu_2 ReLU of b"]),
    ],
    ids=["sum", "function", "in place", "concatenation", "product", "a parameter", "flatten", "twice"],
)
def test_functions_sums_and_branches_are_followed(forward, expected) -> None:
    assert _in_words(trace(Odd(forward), SHAPE)) == expected


def test_a_change_that_no_function_returned_is_an_assignment() -> None:
    def forward(m: Odd, x: Tensor) -> Tensor:
        y = m.a(x)
        y[:, :, 0] = 0
        return m.b(y)

    assert _in_words(trace(Odd(forward), SHAPE))[1:] == ["assignment Function of a", "b Conv2d of assignment"]


def test_only_a_chain_of_known_layers_is_plain() -> None:
    assert plain(trace(Odd(lambda m, x: F.max_pool2d(F.relu(m.a(x)), 2)), SHAPE))
    assert not plain(trace(Odd(lambda m, x: m.a(x) + x), SHAPE))
    assert not plain(trace(Odd(lambda m, x: m.a(x).abs()), SHAPE))
    several = trace(Odd(lambda m, x: (m.a(x), x)), SHAPE)
    assert several.output is None and not plain(several)


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


@pytest.mark.parametrize("evaluate", [True, False])
def test_random_numbers_and_running_statistics_are_those_from_before(evaluate) -> None:
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.lazy = nn.BatchNorm2d(1), nn.LazyBatchNorm2d()

        def forward(self, x: Tensor) -> Tensor:
            return self.lazy(self.norm(x)) + torch.rand(1)

    network, state = Noisy(), torch.get_rng_state()
    assert len(trace(network, SHAPE, evaluate).calls) == 3
    assert torch.equal(torch.get_rng_state(), state) and network.norm.num_batches_tracked == 0 and network.training


def test_several_outputs_have_the_shape_of_the_first():
    network = nn.Sequential(nn.Flatten(2), nn.GRU(SHAPE[1] * SHAPE[2], 5, batch_first=True))
    assert trace(network, SHAPE).calls[-1].output == (SHAPE[0], 5)


def test_a_network_that_is_one_layer_has_a_name():
    assert [call.name for call in trace(nn.Conv2d(1, 2, 3), SHAPE).calls] == ["network"]


def test_in_inference_mode_nothing_differs():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Flatten())
    with torch.inference_mode():
        assert plain(trace(network, SHAPE))


def test_of_a_compiled_network_the_plain_one_is_traced():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    assert [call.name for call in trace(torch.compile(network), SHAPE).calls] == ["0", "1"]


def test_a_part_that_is_compiled_is_run_as_it_is_written():
    compiled = []

    def backend(module, inputs):
        compiled.append(module)
        return module.forward

    network = nn.Sequential(torch.compile(nn.Conv2d(1, 2, 3), backend=backend), nn.ReLU())
    assert [call.output for call in trace(network, SHAPE).calls] == [(2, 6, 6)] * 2 and not compiled


def test_the_narrowest_place_is_where_everything_passes_through():
    narrow = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 32), nn.Linear(32, 10)
    )
    assert trace(narrow, SHAPE).narrowest() in [("1", 4), ("2", 4)]
    assert trace(ConvNet(SHAPE, 10, channels=(8,), head=(64,)), SHAPE).narrowest() == ("head.activation1", 64)
    assert trace(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), SHAPE).narrowest() is None, "nothing is hidden"


def test_what_a_shortcut_passes_by_is_not_narrow():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.squeeze, self.last = nn.Linear(64, 16), nn.Linear(16, 2), nn.Linear(16, 3)
            self.back = nn.Linear(2, 16)

        def forward(self, x: Tensor) -> Tensor:
            h = self.first(x.flatten(1))
            return self.last(h + self.back(self.squeeze(h)))

    assert trace(Gated(), SHAPE).narrowest()[1] == 16
