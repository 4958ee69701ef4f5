"""Initializers by name for any network: the same weights as a run's, and errors in words."""

import pytest
import torch
from torch import nn

import cnnlab
from cnnlab.cli import named
from cnnlab.cli.resolvers import CONFIGS
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.layers import weight_layers, weight_of

NAMES = sorted(path.stem for path in (CONFIGS / "init").glob("*.yaml"))
BATCH = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", NAMES)
def test_every_initializer_of_configs_fills_a_network_by_its_name(name, tmp_path):
    one, two, drawn = (ConvNet((1, 8, 8), 3) for _ in range(3))
    torch.save(drawn.state_dict(), tmp_path / "weights (1).pt")
    settings = {"file": str(tmp_path / "weights (1).pt")} if name == "checkpoint" else {}
    before = [layer.weight.clone() for layer in weight_layers(one).values()]
    for network in (one, two):
        cnnlab.initialize(network, name, seed=3, batch=BATCH, **settings)
    for (key, a), b, own in zip(weight_layers(one).items(), weight_layers(two).values(), before, strict=True):
        assert torch.equal(a.weight, own if name == "own" else b.weight), key


def test_settings_of_an_initializer_are_keywords():
    network = ConvNet((1, 8, 8), 3, channels=(64, 64))
    cnnlab.initialize(network, "normal", std=0.5, bias=-1.0)
    layer = weight_layers(network)["04_block2.conv2"]
    assert layer.weight.std().item() == pytest.approx(0.5, rel=0.02) and (layer.bias == -1).all()


@pytest.mark.parametrize(("activation", "gain2"), [("relu", 2), ("tanh", 25 / 9), ("gelu", 1 / 0.425)])
def test_the_gain_is_that_of_the_networks_activation(activation, gain2):
    network = ConvNet((1, 8, 8), 3, channels=(64, 64), activation=activation)
    cnnlab.initialize(network, "he")
    weight = weight_layers(network)["04_block2.conv2"].weight
    assert weight.var().item() * 64 * 9 == pytest.approx(gain2, rel=0.03)
    cnnlab.initialize(network, "he", activation="none")
    assert weight.var().item() * 64 * 9 == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize("init", ["he", "he_uniform", "orthogonal", "delta_orthogonal", "mup"])
@pytest.mark.parametrize("make", [lambda: nn.LeakyReLU(0.5), lambda: nn.Softplus(5), lambda: nn.ELU(2.0), nn.PReLU])
def test_the_gain_is_that_of_the_modules_own_parameters(init, make):
    """By which the mean square stays 1 from layer to layer: that of a standard normal through the module, by a sum."""
    network = nn.Sequential(nn.Linear(512, 512), make(), nn.Linear(512, 512))
    cnnlab.initialize(network, init, batch=torch.randn(2, 512))
    z = torch.linspace(-9, 9, 10_001)
    weights = torch.exp(-(z**2) / 2) / torch.exp(-(z**2) / 2).sum()
    gain = (weights * make()(z).detach().square()).sum().item() ** -0.5
    assert (network[0].weight.norm() / 512**0.5).item() == pytest.approx(gain, rel=0.01)


def test_unlike_parameters_have_no_gain_of_their_own():
    network = nn.Sequential(nn.Linear(512, 512), nn.LeakyReLU(0.5), nn.Linear(512, 512), nn.LeakyReLU(0.9))
    cnnlab.initialize(network, "he")
    assert (network[0].weight.norm() / 512**0.5).item() == pytest.approx(2**0.5, rel=0.01)
    cnnlab.initialize(network, "he", a=0.9)
    assert (network[0].weight.norm() / 512**0.5).item() == pytest.approx((2 / 1.81) ** 0.5, rel=0.01)


def test_the_gain_of_many_activations_that_are_alike_is_computed_once(monkeypatch):
    asked = []
    monkeypatch.setattr(named, "gain_of_module", lambda name, module: asked.append(module) or 1.5)
    linear = nn.Linear(4, 4)
    cnnlab.initialize(nn.Sequential(*(part for _ in range(20) for part in (linear, nn.GELU()))), "he")
    assert len(asked) == 1
    slopes = [nn.PReLU(), nn.PReLU(), nn.PReLU(init=0.5), nn.PReLU(3), nn.PReLU(3)]
    cnnlab.initialize(nn.Sequential(linear, *slopes), "he")
    assert asked[1:] == [slopes[1], slopes[2], slopes[4]]


@pytest.mark.parametrize("make", [lambda: nn.Softplus(5), nn.PReLU])
def test_hooks_on_the_activations_are_no_part_of_their_gain(make):
    """As of who keeps their outputs, which cannot be copied: on the hook itself, or on the module."""

    class Keep:
        def hook(self, module, inputs, output):
            self.kept = module.kept = output
            return 3 * output

    networks = [nn.Sequential(nn.Linear(6, 6), make(), nn.Linear(6, 6)) for _ in range(2)]
    networks[1][1].register_forward_hook(Keep().hook)
    networks[1](torch.randn(2, 6))
    for network in networks:
        cnnlab.initialize(network, "he", seed=1)
    assert torch.equal(networks[0][0].weight, networks[1][0].weight) and networks[1][1]._forward_hooks


def test_a_transposed_convolution_has_the_fan_of_what_it_gets():
    network = nn.ConvTranspose2d(64, 16, 3)
    cnnlab.initialize(network, "he", activation="none")
    assert network.weight.var().item() * 64 * 9 == pytest.approx(1, rel=0.03)


def test_foreign_networks_keep_what_is_no_layers_weight():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.MultiheadAttention(4, 2))
    network[1].weight.data.fill_(7.0)
    cnnlab.initialize(network, "zeros")
    assert all(not weight_of(layer).any() for layer in weight_layers(network).values())
    assert (network[1].weight == 7).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"init": "hee"}, "init=hee: there is no such init. Did you mean 'he'"),
        ({"init": "normal", "std": -1}, "init.std=-1 is not allowed"),
        ({"init": "normal", "stdd": 1}, "'init.stdd' is no setting of init=normal. Did you mean 'init.std'"),
        ({"init": "he", "activation": "rellu"}, "model.activation=rellu is not allowed"),
        ({"init": "he", "config_dir": "nowhere"}, "nowhere: no such folder"),
        ({"init": nn.init.ones_}, "init is of type function, and the name of an initializer is needed"),
        ({"init": "he", "seed": "a"}, "seed=a is not allowed"),
        ({"init": "lsuv"}, r"looks at images: pass initialize\(..., batch=images\)"),
    ],
)
def test_mistakes_are_input_errors(arguments, words):
    with pytest.raises(cnnlab.InputError, match=words):
        cnnlab.initialize(nn.Linear(2, 2), **arguments)


def test_theory_of_the_networks_that_an_initializer_draws():
    network = ConvNet((1, 8, 8), 3, channels=(8, 8), convs_per_block=2)
    found = cnnlab.expected(network, BATCH, "he").by_key()["preactivation/std/01_block1.conv1"]
    stds = []
    for _ in range(300):
        nn.init.kaiming_normal_(network.block1.conv1.weight, nonlinearity="relu")
        nn.init.zeros_(network.block1.conv1.bias)
        stds.append(network.block1.conv1(BATCH).detach().var())
    assert found.value == pytest.approx(torch.stack(stds).mean().sqrt().item(), rel=0.05)
    cnnlab.initialize(network, "he")
    as_it_is = cnnlab.expected(network, BATCH).by_key()["preactivation/std/01_block1.conv1"].value
    assert as_it_is == pytest.approx(found.value, rel=0.5)


@pytest.mark.parametrize("batch", [BATCH[0], BATCH[:0], BATCH.numpy()], ids=["one image", "none", "an array"])
def test_what_is_no_batch_of_images_is_refused(batch):
    with pytest.raises(cnnlab.InputError, match="not a tensor of images"):
        cnnlab.expected(ConvNet((1, 8, 8), 3), batch, "he")


def test_what_theory_does_not_cover_says_why():
    with pytest.raises(cnnlab.NotApplicable, match="Softsign"):
        cnnlab.expected(ConvNet((1, 8, 8), 3, activation="softsign"), BATCH, "xavier")
    with pytest.raises(cnnlab.NotApplicable, match="data-dependent"):
        cnnlab.expected(ConvNet((1, 8, 8), 3), BATCH, "lsuv")
