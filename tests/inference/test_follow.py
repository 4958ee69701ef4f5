import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.inference.follow import follow
from cnnlab.networks.convnet import ConvNet

X = torch.randn(1, 1, 10, 10, generator=torch.Generator().manual_seed(2))


def network(**knobs) -> ConvNet:
    return ConvNet((1, 10, 10), 3, **{"channels": [4, 5], "head": [6], **knobs}).eval()


def test_every_leaf_is_a_step_with_its_own_output() -> None:
    net = network(kernel_size=4, norm="batch", dropout=0.5)
    journey = follow(net, X)
    assert [s.name for s in journey.steps[1:]] == [n for n, m in net.named_modules() if not list(m.children())]
    x = X
    for step in journey.steps[1:]:
        x = net.get_submodule(step.name)(x)
        torch.testing.assert_close(step.output, x[0])
    torch.testing.assert_close(journey.logits, net(X)[0])
    kinds = {s.name.rsplit(".", 1)[-1]: s.kind for s in journey.steps}
    assert kinds["pad1"] == "padding" and kinds["dropout"] == "nothing" and kinds["norm1"] == "norm"
    assert kinds["pool"] == "pooling" and kinds["flatten"] == "flatten" and kinds["logits"] == "fully connected"


def test_relu_counts_the_cells_it_cuts() -> None:
    net = network()
    before = net.get_submodule("block1.conv1")(X)[0]
    cut = sum(1 for value in before.flatten().tolist() if value < 0)
    step = follow(net, X).steps[2]
    assert step.words.split() == f"ReLU cut {cut} of 400 cells to 0 ({cut / 4:.3g} %)".split()


def test_an_in_place_activation_hides_nothing() -> None:
    plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3))
    hiding = nn.Sequential(plain[0], nn.ReLU(inplace=True), plain[2], plain[3])
    first, second = follow(plain, X), follow(hiding, X)
    for a, b in zip(first.steps, second.steps, strict=True):
        assert torch.equal(a.output, b.output) and a.words == b.words
    assert bool((second.steps[1].output < 0).any())


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_saturated_cells_are_counted(name: str) -> None:
    net = network(activation=name)
    with torch.no_grad():
        net.get_parameter("block1.conv1.weight").mul_(30)
    low = -1 if name == "tanh" else 0
    span = 1 - low
    values = getattr(torch, name)(net.get_submodule("block1.conv1")(X)).flatten().tolist()
    full = sum(1 for v in values if v - low < 0.01 * (1 - low) or 1 - v < 0.01 * span)
    assert 0 < full < 400
    assert f": {full} of 400 cells" in follow(net, X).steps[2].words


def cut_windows(side: int, k: int, s: int, p: int, windows: int) -> bool:
    """Whether the last window asks for a cell beyond the map and its padding."""
    return max(range((windows - 1) * s - p, (windows - 1) * s - p + k)) >= side + p


@pytest.mark.parametrize("size", [(5, 6), (6, 5), (7, 7), (8, 8)])
@pytest.mark.parametrize(("k", "s", "p"), [(2, 2, 0), (3, 2, 1), (3, 2, 0), (2, 3, 0), (3, 3, 1)])
@pytest.mark.parametrize("ceil", [True, False])
def test_partial_windows_are_marked(size: tuple[int, int], k: int, s: int, p: int, ceil: bool) -> None:
    net = nn.Sequential(nn.MaxPool2d(k, s, p, ceil_mode=ceil))
    step = follow(net, torch.randn(1, 2, *size)).steps[1]
    expected = tuple(cut_windows(side, k, s, p, w) for side, w in zip(size, step.output.shape[1:], strict=True))
    assert step.partial == expected
    assert ("cut windows" in step.words) == any(expected)
    assert ceil or not any(expected)


def test_pooling_says_how_much_it_drops() -> None:
    journey = follow(network(channels=[4]), X)
    pool = next(s for s in journey.steps if s.kind == "pooling")
    assert pool.partial == (False, False) and "dropped 75 of 100 cells per channel (75 %)" in pool.words
    assert "mean of each window" in next(s for s in follow(network(pool="mean"), X).steps if s.kind == "pooling").words
    assert "sum of each window" in next(s for s in follow(network(pool="sum"), X).steps if s.kind == "pooling").words
    odd = [s for s in follow(network(), X).steps if s.kind == "pooling"][1]  # 5x5 -> 3x3
    assert odd.partial == (True, True) and "dropped 16 of 25 cells per channel (64 %)" in odd.words


@pytest.mark.parametrize(
    ("knobs", "source"),
    [({}, "unit 5"), ({"head": []}, "channel 4, row 2, col 2"), ({"head": "average"}, "channel 4")],
)
def test_votes_add_up_to_the_logits_and_know_their_sources(knobs: dict, source: str) -> None:
    journey = follow(network(**knobs, dropout=0.3), X)
    votes = journey.votes
    assert votes is not None and votes.sources[-1] == source
    torch.testing.assert_close(votes.contributions.sum(1) + votes.bias, journey.logits)
    row = votes.contributions[1].tolist()
    order = sorted(range(len(row)), key=lambda i: -abs(row[i]))[:4]
    assert votes.strongest(1, 4) == [(votes.sources[i], pytest.approx(row[i])) for i in order]


def test_a_source_names_the_cell_that_votes() -> None:
    net = network(head=[])
    journey = follow(net, X)
    flat = next(i for i, s in enumerate(journey.steps) if s.kind == "flatten")
    mapped, votes = journey.steps[flat - 1].output, journey.votes
    assert votes is not None
    weight = net.get_parameter("head.logits.weight").detach()
    for i, source in enumerate(votes.sources):
        c, r, k = (int(word.split()[1]) for word in source.split(", "))
        assert float(votes.contributions[0, i]) == pytest.approx(float(weight[0, i] * mapped[c, r, k]), abs=1e-6)


class Branching(nn.Module):
    """A user's own: a sum, a function instead of a module, no full connection at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(1, 3, 1)
        self.special = nn.PixelUnshuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.special(F.relu(self.a(x) + self.b(x))).mean((2, 3))[:, :3]


def test_a_users_own_module_shows_its_leaves_and_promises_no_votes() -> None:
    journey = follow(Branching(), X)
    assert [s.name for s in journey.steps] == ["input", "a", "b", "add", "relu", "special", "mean", "mean"]
    assert journey.steps[3].kind == "sum" and journey.steps[4].kind == "activation"
    assert journey.steps[5].words == "PixelUnshuffle, 12 x 5x5" and journey.votes is None
    assert journey.unseen == 2, "a second branch from the input, and the indexing at the end"


def test_layers_behind_an_assignment_or_one_of_several_outputs_are_shown() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.fc = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 3), nn.Linear(72, 3)

        def forward(self, x: Tensor) -> Tensor:
            y = self.a(x)
            y[:, :, 0] = 0
            return self.fc(self.b(F.relu(y).chunk(2, 1)[0]).flatten(1))

    journey = follow(Odd(), X)
    assert [s.name for s in journey.steps] == ["input", "a", "relu", "b", "flatten", "fc"]
    assert journey.unseen == 2 and journey.votes is not None
    assert bool((journey.steps[2].output[:, 0] == 0).all())


def test_a_network_of_functions_is_followed_like_one_of_modules() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(32, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(F.max_pool2d(F.relu(self.conv(x), inplace=True), 2).flatten(1))

    functional = Functional()
    plain = nn.Sequential(functional.conv, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), functional.fc)
    found, expected = follow(functional, X), follow(plain, X)
    assert [(s.kind, s.words) for s in found.steps] == [(s.kind, s.words) for s in expected.steps]
    assert all(torch.equal(a.output, b.output) for a, b in zip(found.steps, expected.steps, strict=True))
    assert found.unseen == 0 and found.votes is not None and found.votes.sources[5] == "channel 0, row 1, col 1"


def test_of_a_chain_nothing_is_left_out_and_of_changes_in_place_it_is_said() -> None:
    assert follow(network(norm="batch", dropout=0.5), X).unseen == 0
    inside = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.LazyLinear(3))
    assert follow(inside, X).unseen == 0

    class Adding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.fc = nn.Conv2d(1, 1, 1), nn.LazyLinear(3)

        def forward(self, x: Tensor) -> Tensor:
            y = self.a(x)
            y += 1
            return self.fc(y.flatten(1))

    assert follow(Adding(), X).unseen == 1


def test_the_network_is_left_as_it_was() -> None:
    net = network(norm="batch", dropout=0.5).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    follow(net, X)
    assert net.training and all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert not any(m._forward_hooks for m in net.modules())
