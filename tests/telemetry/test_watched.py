"""One watched step: what it measures when, and that nothing of it stays behind."""

import pytest
import torch
from torch import nn

from cnnlab.networks.layers import weight_layers
from cnnlab.telemetry.derived import Group, blocks
from cnnlab.telemetry.statistics import STATISTICS
from cnnlab.telemetry.watched import Known, Watched, calling

GROUPS = {what: Group(statistics) for what, statistics in STATISTICS.items()}
X = torch.randn(4, 3, 6, 6, generator=torch.Generator().manual_seed(0))


def _network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(64, 2))


def _watched(network: nn.Module, known: Known | None = None, scale: torch.Tensor | None = None) -> Watched:
    layers = weight_layers(network)
    return Watched(network, layers, calling(network, layers), GROUPS, None, known or Known(), scale)


def _values(watched: Watched) -> dict[str, torch.Tensor]:
    ((keys, values),) = blocks(GROUPS, [watched.step])
    return dict(zip(keys, values[0], strict=True))


def test_forward_backward_and_weights_are_measured_one_after_the_other():
    network = _network()
    watched = _watched(network)
    with watched.running():
        loss = network(X).sum()
        forward = set(watched.step.found)
        loss.backward()
        backward = set(watched.step.found) - forward
    watched.measure_weights()
    weights = set(watched.step.found) - forward - backward
    whole = {"images", "output", "bias"}
    assert {what for what, _ in forward} == {"preactivation", "activation", "saturation"} | whole
    assert {what for what, _ in backward} == {"gradient"}
    assert {what for what, _ in weights} == {"weight"}
    assert all(value.dim() == 0 for value in _values(watched).values())


def test_every_measured_number_is_without_a_graph():
    watched = _watched(_network())
    with watched.running():
        watched.network(X).sum().backward()
    assert not any(value.requires_grad for value in _values(watched).values())


def test_no_hook_stays_behind():
    network = _network()
    watched = _watched(network)
    with pytest.raises(ZeroDivisionError), watched.running():
        network(X)
        raise ZeroDivisionError
    assert not any(module._forward_hooks for module in network.modules())
    before = dict(watched.step.found)
    network(X).sum().backward()
    assert watched.step.found == before


def test_bounds_are_worked_out_once_and_kept_for_later_steps():
    network, known = _network(), Known()
    for _ in range(2):
        with _watched(network, known).running():
            network(X)
    assert list(known.bounds.values()) == [(-1.0, 1.0)]


class _Turning(nn.Module):
    """Convolution, batch norm and ReLU, or, told so, with a shortcut around the batch norm or without ReLU."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.way = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), "relu"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        y = self.norm(x)
        return torch.relu(y) + x if self.way == "shortcut" else y if self.way == "none" else torch.relu(y)


def _step(network: _Turning, known: Known, way: str) -> Watched:
    network.way, watched = way, _watched(network, known)
    with watched.running():
        network(X).square().sum().backward()
    return watched


def test_an_output_that_is_carried_to_its_activation_is_measured_in_the_first_step_only(monkeypatch):
    network, known, measured = _Turning(), Known(), []
    apply = Watched._apply
    monkeypatch.setattr(Watched, "_apply", lambda self, *rest: (measured.append(rest[0]), apply(self, *rest)))
    for expected in (2, 1, 1):
        measured.clear()
        _step(network, known, "relu")
        assert (measured.count("preactivation"), measured.count("activation")) == (expected, 1)
        assert measured.count("gradient") == 1


def test_later_steps_measure_what_the_first_did():
    network, known = _Turning(), Known()
    first, later = (_step(network, known, "relu") for _ in range(2))
    assert known.carried == {"01_conv"} and later.unmeasured() == {}
    assert _values(later) == _values(first)


@pytest.mark.parametrize("way", ["shortcut", "none"])
def test_a_layer_whose_output_goes_another_way_is_not_known_for_one_step(way):
    network, known = _Turning(), Known()
    _step(network, known, "relu")
    turned, settled = (_step(network, known, way) for _ in range(2))
    assert not {"preactivation", "gradient"} & {what for what, layer in turned.step.found if layer}
    assert turned.unmeasured() == {"01_conv": "its output went another way than in the step before"}
    assert settled.unmeasured() == {}
    alone = _values(_step(network, Known(), way))
    assert _values(settled) == alone and "preactivation/std/01_conv" in alone and "gradient/std/01_conv" in alone


def test_a_scaled_loss_leaves_the_gradients_as_they_are():
    found = []
    for scale in (None, torch.tensor(512.0)):
        watched = _watched(_network(), scale=scale)
        with watched.running():
            (watched.network(X).sum() * (1 if scale is None else scale)).backward()
        found.append({key: value.item() for key, value in _values(watched).items() if key.startswith("gradient")})
    assert found[0] == pytest.approx(found[1])


def test_images_are_measured_where_the_first_layer_gets_them_and_outputs_where_they_leave():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = _network()

        def forward(self, x):
            return self.inner(x / 255).softmax(1)

    network = Scaled()
    watched = _watched(network)
    with watched.running():
        output = network(255 * X)
    assert _values(watched)["images/std"].item() == pytest.approx(X.std(unbiased=False).item(), rel=1e-5)
    assert _values(watched)["output/highest"] == output.max() and _values(watched)["output/sum_error"] < 1e-5


def test_only_the_first_call_counts_as_images_and_what_is_no_map_counts_not():
    network = _network()
    watched = _watched(network)
    with watched.running():
        network(X)
        network(100 * X)
    assert _values(watched)["images/largest"] == X.abs().max()
    flat = nn.Linear(3, 2)
    watched = _watched(flat)
    with watched.running():
        flat(torch.randn(4, 3))
    assert not any(what == "images" for what, _ in watched.step.found)


def test_biases_are_those_of_this_steps_forward_pass():
    network = _network()
    with torch.no_grad():
        network[0].bias.fill_(-7)
    watched = _watched(network)
    with watched.running():
        network(X).sum().backward()
        torch.optim.SGD(network.parameters(), 100.0).step()
    watched.measure_weights()
    assert _values(watched)["bias/largest/01_0"] == 7


class _Heads(nn.Module):
    """Attention's weights by head, as CaiT mixes them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.softmax(-1).permute(0, 2, 3, 1)


class _Attending(nn.Module):
    """Weights of a softmax, multiplied with values, are no activation between layers."""

    def __init__(self):
        super().__init__()
        self.keys, self.out = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.mean((1, 2))
        return self.out(torch.softmax(self.keys(x), 1) * x).softmax(1)


@pytest.mark.parametrize(
    ("network", "layers"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softmax(1), nn.Flatten(), nn.Linear(64, 5), nn.Softmax(1)), 1),
        (nn.Sequential(nn.Flatten(), nn.Linear(108, 5), nn.ReLU(), nn.Softmax(1), nn.Linear(5, 4)), 1),
        (nn.Sequential(nn.Flatten(), nn.Linear(108, 5), nn.ReLU(), nn.Linear(5, 4), nn.Softmax(1)), 0),
        (_Attending(), 0),
        (nn.Sequential(_Heads(), nn.Linear(3, 3)), 0),
    ],
)
def test_layers_whose_input_is_what_a_softmax_gives_are_counted(network, layers):
    watched = _watched(network)
    with watched.running():
        network(X).sum().backward()
    assert _values(watched).get("network/behind_softmax", torch.tensor(0.0)).item() == layers
