"""Images, network and random state of a run are made once, by its check."""

import textwrap

import pytest
import torch

import cnnlab
from cnnlab.cli.compose import compose_run
from cnnlab.cli.parts import make_parts
from cnnlab.cli.preflight import check_training
from cnnlab.common.random import seed_everything
from cnnlab.training.perform import perform

MINE = """
import torch
from torch import nn

from cnnlab.datasets.base import Split, assemble


def told(what):
    with open("made.txt", "a") as file:
        file.write(what + " ")


def noise(count):
    told("images")
    images, labels = torch.randint(0, 256, (count, 1, 6, 6), dtype=torch.uint8), torch.arange(count) % 2
    half = count // 2
    return assemble("noise", Split(images[:half], labels[:half]), Split(images[half:], labels[half:]), ("a", "b"), 0.1)


class Net(nn.Sequential):
    def __init__(self, image_shape, classes, lazy=False, odd=False):
        told("network")
        last = nn.LazyLinear(classes) if lazy else nn.Linear(4 * 16, classes)
        norm = nn.BatchNorm2d(4, affine=not lazy)
        super().__init__(nn.Conv2d(1, 4, 3), norm, nn.ReLU(), nn.Flatten(), nn.Dropout(), last)
        if odd:
            self.shift = torch.ones(1, requires_grad=True) * 2  # which deepcopy refuses
"""
OWN = ["dataset=mine", "model=mine", "optimizer.lr=0.01", "telemetry.pictures=false"]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Images and a network of one's own, in `mine/`, which note in made.txt that they are made."""
    for group, text in (
        ("dataset", "_target_: mine_counted.noise\ncount: 200\n"),
        ("model", "_target_: mine_counted.Net\nlazy: false\nodd: false\n"),
    ):
        (tmp_path / "mine" / group).mkdir(parents=True)
        (tmp_path / "mine" / group / "mine.yaml").write_text(text)
    (tmp_path / "mine" / "mine_counted.py").write_text(textwrap.dedent(MINE))
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "made.txt"


@pytest.mark.parametrize(
    "arguments", [["trainer.max_steps=2"], ["trainer.max_steps=0"], ["check=one_batch"], ["check=range_test"]]
)
def test_a_command_makes_images_and_network_once(run_command, mine, tmp_path, arguments):
    own = ["telemetry.theory=true", "evaluation=invariance", "evaluation.shifts=[1]", "evaluation.images=20"]
    run_command("-m", "cnnlab.train", "--config-dir", "mine", *OWN, *own, *arguments, cwd=tmp_path)
    assert list((tmp_path / "outputs/runs").glob("*/results.json"))
    assert mine.read_text().split() == ["images", "network"]


def test_so_does_python_each_time(mine, tmp_path):
    for name in ("a", "b"):
        cnnlab.run(*OWN, "trainer.max_steps=2", folder=tmp_path / name, config_dir="mine")
    assert mine.read_text().split() == ["images", "network"] * 2


def test_a_run_is_the_same_whoever_made_its_parts(mine, tmp_path):
    """Images, weights and dropout draw from the global generators, in this order."""
    config, request, _ = compose_run("train", [*OWN, "trainer.max_steps=5", "seed=3"], "mine")
    torch.rand(7)
    handed = perform(config, request, tmp_path / "handed", False, False, check_training([config]))
    torch.rand(5)
    alone = perform(config, request, tmp_path / "alone", False, False)
    same = {key for key in alone if not key.startswith(("time/", "telemetry/overhead"))}
    assert {key: repr(handed[key]) for key in same} == {key: repr(alone[key]) for key in same}
    assert len(same) > 30


def test_trying_a_network_leaves_it_as_it_was(mine):
    config, _, _ = compose_run("train", [*OWN, "init=own", "model.lazy=true"], "mine")
    network = check_training([config]).network
    assert network.training and network[1].num_batches_tracked == 0 and not network[1].running_mean.any()


def test_lazy_layers_are_initialized_and_trained_as_others(mine, tmp_path):
    config, request, _ = compose_run("train", [*OWN, "init.bias=0.5", "model.lazy=true", "trainer.max_steps=2"], "mine")
    last = check_training([config]).network[-1]
    assert last.weight.shape == (2, 64) and last.bias.eq(0.5).all()
    assert perform(config, request, tmp_path / "run", False, False)["model/parameters"] == 40 + 130


def test_one_that_cannot_be_copied_is_made_once_more_to_be_tried(mine):
    config, _, _ = compose_run("train", [*OWN, "model.odd=true"], "mine")
    check_training([config])
    assert mine.read_text().split() == ["images", "network", "network"]


def test_a_sweep_reads_its_images_once(mine):
    configs = [compose_run("train", [*OWN, f"init={init}"], "mine")[0] for init in ("he", "xavier", "he", "lsuv")]
    assert check_training(configs) is None
    assert mine.read_text().split() == ["images", "network", "network", "network"]


def test_the_network_has_seen_the_first_batch(mine):
    config, _, _ = compose_run("train", [*OWN, "init=lsuv", "trainer.max_steps=7"], "mine")
    seed_everything(config.seed, deterministic=False)
    parts = make_parts(config, torch.device("cpu"))
    x, _ = next(iter(parts.batches.epoch(0)))
    assert torch.equal(parts.first, x) and parts.steps == 7
    assert parts.network[0](x).std().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(parts.random["cpu"], torch.get_rng_state())
