"""One watched step: what it measures when, and that nothing of it stays behind."""

import copy

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
    assert all(_step(network, known, to).unmeasured() == {} for to in ("relu", way)), "it is known to turn"


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


class _Of(nn.Module):
    """What `forward(self, x)` makes of x, with these modules."""

    def __init__(self, forward, **modules: nn.Module):
        super().__init__()
        self.way = forward
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.way(self, x)


def test_images_are_found_where_layers_are_called_by_keyword():
    network = _Of(lambda net, x: net.b(net.a(input=x)), a=nn.Conv2d(3, 4, 3), b=nn.Conv2d(4, 4, 3))
    watched = _watched(network)
    with watched.running():
        network(X)
    assert _values(watched)["images/largest"] == X.abs().max()


def test_a_map_that_a_layer_made_is_no_image_and_a_first_layer_of_something_else_hides_none():
    generator = nn.Sequential(nn.Linear(5, 12), nn.Unflatten(1, (3, 2, 2)), nn.ConvTranspose2d(3, 3, 2))
    conditioned = _Of(
        lambda net, x: net.conv(x) + net.label(x.new_ones(4, 2))[..., None, None],
        **{"label": nn.Linear(2, 4), "conv": nn.Conv2d(3, 4, 3)},
    )
    found = {}
    for name, network, x in (("generator", generator, torch.randn(4, 5)), ("conditioned", conditioned, X)):
        watched = _watched(network)
        with watched.running():
            network(x)
        found[name] = _values(watched).get("images/largest")
    assert found["generator"] is None and found["conditioned"] == X.abs().max()


@pytest.mark.parametrize(
    ("network", "x", "why"),
    [
        (_network(), X[:0], "empty"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), X[0], "without a batch"),
        (nn.Sequential(nn.Flatten(0), nn.Linear(3 * 36, 2)), X[0], "without a batch"),
        (nn.Sequential(nn.Conv2d(3, 4, 3, dtype=torch.complex64)), X.to(torch.complex64), "complex"),
    ],
    ids=["empty", "one image", "one vector", "complex"],
)
def test_outputs_that_have_no_statistics_are_told(network, x, why):
    watched = _watched(network)
    with watched.running():
        network(x).abs().sum().backward()
    watched.measure_weights()
    assert watched.unmeasured() and all(why in reason for reason in watched.unmeasured().values())
    assert not {what for what, _ in watched.step.found} & {"preactivation", "activation", "gradient", "output"}
    assert all(value.isfinite() for value in _values(watched).values())


def test_layers_under_vmap_are_told():
    network = _network()
    parameters = {name: p.detach() for name, p in network.named_parameters()}

    def loss(parameters, x):
        return torch.func.functional_call(network, parameters, x[None]).sum()

    watched = _watched(network)
    with watched.running():
        torch.func.vmap(torch.func.grad(loss), (None, 0))(parameters, X)
    assert set(watched.unmeasured().values()) == {"it ran inside torch.func, as under vmap"}
    assert {what for what, _ in watched.step.found} == {"bias"}


def test_a_copy_made_meanwhile_changes_nothing_later():
    network = _network()
    watched = _watched(network)
    with watched.running():
        network(X)
        copied = copy.deepcopy(network)
    before = dict(watched.step.found)
    copied(10 * X)
    assert watched.step.found == before


def test_the_gradient_of_a_view_that_is_changed_in_place_is_measured():
    network = nn.Conv2d(3, 4, 3)
    watched, weights = _watched(network), torch.randn(4, 64, generator=torch.Generator().manual_seed(3))
    with watched.running():
        h = network(X)
        (h.flatten(1).tanh_() * weights).sum().backward()
    expected = weights * (1 - torch.tanh(network(X).detach().flatten(1)).square())
    assert _values(watched)["gradient/std/01_network"].item() == pytest.approx(expected.std(correction=0).item())


def test_the_gradient_of_a_loss_in_two_parts_is_not_that_of_the_second():
    network = _network()
    watched = _watched(network)
    with watched.running():
        output = network(X)
        output[:, 0].sum().backward(retain_graph=True)
        output[:, 1].sum().backward()
    assert ("gradient", "01_0") not in watched.step.found and "several backward" in watched.unmeasured()["01_0"]


def test_a_gradient_that_is_differentiated_once_more_is_no_part_of_the_losss():
    network, x = _network(), X.clone().requires_grad_()

    def loss() -> torch.Tensor:
        output = network(x)
        slope = torch.autograd.grad(output.sum(), x, create_graph=True)[0]
        return output.sum() + slope.square().sum() + network[0](X).sum()

    watched = _watched(network)
    with watched.running():
        loss().backward()
    found = {layer for what, layer in watched.step.found if what == "gradient"}
    assert found == {"01_0", "02_3", "01_0.call2"} and watched.unmeasured() == {}


def test_a_layer_that_ran_twice_and_runs_again_in_the_backward_pass_is_told():
    from torch.utils.checkpoint import checkpoint

    network = nn.Conv2d(3, 3, 3, padding=1)
    watched = _watched(network)
    with watched.running():
        x = X.clone().requires_grad_()
        checkpoint(network, checkpoint(network, x, use_reentrant=True), use_reentrant=True).sum().backward()
    assert ("gradient", "01_network") not in watched.step.found
    assert watched.unmeasured() == {"01_network": "it ran several times, and once more in the backward pass"}


def test_compiled_networks_run_as_they_are_written():
    compiled = []

    def backend(module, inputs):
        compiled.append(module)
        return module.forward

    network = torch.compile(_network(), backend=backend, fullgraph=True)
    for times in (0, 1):
        watched = _watched(network)
        with watched.running():
            network(X).sum().backward()
        assert len(compiled) == times and ("gradient", "01__orig_mod.0") in watched.step.found
        network(X)


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


def test_a_layer_whose_weights_go_to_a_function_did_run():
    """As the attention of torchvision's Swin."""

    class Function(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.spare = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x):
            return nn.functional.linear(x, self.qkv.weight, self.qkv.bias)

    watched = _watched(network := Function())
    with watched.running():
        network(torch.randn(2, 4))
    assert watched.unmeasured() == {
        "01_qkv": "its weights went to a function, without the layer",
        "02_spare": "it did not run",
    }
