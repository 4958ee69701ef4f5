"""Every YAML in configs/, found by looking: it composes, passes the checks, and builds what it names."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hydra.utils import get_method
from omegaconf import OmegaConf

from cnnlab.cli.build import build_network, build_optimizer, construct
from cnnlab.cli.compose import compose_jobs
from cnnlab.cli.preflight import check_targets
from cnnlab.cli.resolvers import CONFIGS, register_resolvers
from cnnlab.cli.schema import check_values
from cnnlab.datasets.base import ImageSet
from cnnlab.datasets.digits import digits
from cnnlab.networks.layers import weight_layers
from cnnlab.telemetry.statistics import STATISTICS

OPTIONS = sorted(p.relative_to(CONFIGS).with_suffix("").as_posix() for p in CONFIGS.glob("*/*.yaml"))
ROOTS = sorted(p.stem for p in CONFIGS.glob("*.yaml"))


def _of(group: str) -> list[str]:
    return [name.split("/")[1] for name in OPTIONS if name.startswith(group + "/")]


def _compose(*overrides: str):
    register_resolvers()
    jobs = compose_jobs("train", overrides)
    assert jobs is not None and len(jobs) == 1
    return jobs[0]


@pytest.fixture(scope="module")
def data() -> ImageSet:
    return digits()


@pytest.mark.parametrize("option", [o for o in OPTIONS if not o.startswith("experiment/")])
def test_every_option_composes_and_its_values_and_targets_hold(option):
    job = _compose(option.replace("/", "="))
    check_values(OmegaConf.to_container(job, resolve=False))
    check_targets(job)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_opens_with_what_it_is(option):
    assert (CONFIGS / f"{option}.yaml").read_text().startswith("# ") or option == "trainer/default"


@pytest.mark.parametrize("init", _of("init"))
def test_every_initializer_fills_every_layer(init, data, tmp_path):
    torch.manual_seed(1)
    file = []
    if init == "checkpoint":
        torch.save(build_network(_compose("init=he"), data).state_dict(), tmp_path / "he.pt")
        file = [f"init.file={tmp_path / 'he.pt'}"]
    images = data.train.images[:8].float() / 255
    one, same, other = (build_network(_compose(f"init={init}", *file, f"seed={s}"), data, images) for s in (0, 0, 1))
    for (key, a), (_, b), (_, c) in zip(*(weight_layers(n).items() for n in (one, same, other)), strict=True):
        assert torch.equal(a.weight, b.weight), key
        # Whitening's filters are those of the images, and layers as wide as their input copy it.
        random = init not in ("zeros", "constant", "dirac", "classical", "checkpoint", "whitening")
        assert not random or not torch.equal(a.weight, c.weight), key
        assert init in ("torch_default", "own") or (a.bias == 0).all(), key


@pytest.mark.parametrize("model", _of("model"))
def test_every_model_gives_logits(model, data):
    size = ["dataset.size=199"] if model == "unpadded99" else []
    job = _compose(f"model={model}", *size)
    shape = (1, 199, 199) if size else data.shape
    network = construct("model", job.model, image_shape=shape, classes=10)
    assert network(torch.zeros(2, *shape)).shape == (2, 10)


@pytest.mark.parametrize("optimizer", _of("optimizer"))
@pytest.mark.parametrize("scheduler", _of("scheduler"))
def test_every_optimizer_takes_every_schedule(optimizer, scheduler, data):
    job = _compose(f"optimizer={optimizer}", f"scheduler={scheduler}", "model=linear")
    network = build_network(job, data)
    chosen, schedule = build_optimizer(job, network, 5)
    before = [p.detach().clone() for p in network.parameters()]
    for _ in range(5):
        network(torch.ones(1, *data.shape)).sum().backward()
        chosen.step()
        schedule.step()
    assert not any(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_the_full_statistics_are_those_of_a_probe_without_arguments():
    assert _statistics("full") == STATISTICS


def test_the_light_statistics_are_some_of_the_full_ones():
    for what, group in _statistics("light").items():
        assert group.items() <= STATISTICS[what].items()


def _statistics(telemetry: str) -> dict[str, dict[str, Callable]]:
    paths = OmegaConf.to_container(_compose(f"telemetry={telemetry}").telemetry.statistics)
    return {what: {n: get_method(p) for n, p in group.items()} for what, group in paths.items()}


@pytest.mark.parametrize(
    "init, variance",
    [
        *(("he", "2/fan_in"), ("he_uniform", "2/fan_in"), ("orthogonal", "2/max(c_out, fan_in)")),
        *(("xavier", "2/(fan_in+fan_out)"), ("xavier_normal", "2/(fan_in+fan_out)")),
        *(("torch_default", "1/(3*fan_in)"), ("normal", "0.01**2"), ("uniform", "0.05**2/3")),
    ],
)
def test_variances_are_the_published_ones(init, variance, data):
    job = _compose(f"init={init}", "model.channels=[64,64]", "model.head=[]")
    layer = weight_layers(build_network(job, data))["04_block2.conv2"]
    c_out, c_in, k, _ = layer.weight.shape
    expected = eval(variance, {"fan_in": c_in * k * k, "fan_out": c_out * k * k, "c_out": c_out, "max": max})
    assert layer.weight.var().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    "activation, gain", [("relu", 2), ("tanh", 25 / 9), ("sigmoid", 1), ("none", 1), ("leaky_relu", 2 / 1.0001)]
)
def test_the_gain_follows_the_activation_where_the_scheme_has_one(activation, gain, data):
    job = _compose(f"model.activation={activation}", "model.channels=[64,64]")
    weight = weight_layers(build_network(job, data))["04_block2.conv2"].weight
    assert weight.var().item() * 64 * 9 == pytest.approx(gain, rel=0.05)


def test_configs_are_found_from_the_checkout():
    assert Path(__file__).parents[1] / "configs" == CONFIGS and "train" in ROOTS


def test_biases_that_are_kept_do_not_repeat_the_weights(data):
    layers = weight_layers(build_network(_compose("init=torch_default"), data))
    bias, below = layers["01_block1.conv1"].bias, layers["02_block1.conv2"].weight.flatten()[:16]
    assert torch.corrcoef(torch.stack([bias, below])).abs()[0, 1] < 0.9
