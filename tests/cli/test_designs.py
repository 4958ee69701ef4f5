"""From a config of `summary` to its designs, and to the network and images that theory speaks of."""

import shlex
import signal
import sys

import numpy as np
import pytest
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from PIL import Image

import cnnlab
from cnnlab.cli.compose import compose_jobs
from cnnlab.cli.designs import check_designs, initialized, make_designs, models_of, theory_of, training_command
from cnnlab.cli.entry import entry
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.cli.sweeps.plan import make_plan
from cnnlab.common.errors import InputError
from cnnlab.datasets.digits import digits
from cnnlab.runs.request import Request


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """`jobs("-m", ...)` -> the jobs of a command line, which also stands where the command would read it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    before = signal.getsignal(signal.SIGTERM)
    register_resolvers()

    def compose(*arguments: str):
        monkeypatch.setattr(sys, "argv", ["cnnlab.summary", *arguments])
        return compose_jobs("summary", arguments)

    yield compose
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def pets(tmp_path):
    """Three classes with a picture of 6x9 each."""
    for name in ("cat", "dog", "emu"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(4):
            Image.fromarray(np.full((6, 9, 3), 40 * i, np.uint8)).save(tmp_path / "pets" / name / f"{i}.png")
    return ["dataset=image_folder", "dataset.root=pets", "model=linear"]


@pytest.mark.parametrize("size, shape", [("null", (3, 6, 9)), ("4", (3, 4, 4))])
def test_shape_and_classes_come_from_the_images(jobs, pets, size, shape):
    [job] = jobs(*pets, f"dataset.size={size}")
    found, classes = make_designs(job, {"linear": job.model}, measure=False)
    assert classes == 3 and found.designs[0].image_shape == shape
    assert found.designs[0].parameters == (np.prod(shape) + 1) * 3


def test_images_that_are_not_there_are_not_missed_where_the_shape_is_known(jobs, tmp_path):
    [job] = jobs("dataset=cifar10", "model=linear")
    found, classes = make_designs(job, {"linear": job.model}, measure=False)
    assert classes == 10 and found.designs[0].parameters == (3 * 32 * 32 + 1) * 10
    assert list(tmp_path.iterdir()) == []


def test_the_first_model_is_what_the_others_are_matched_to(jobs):
    [job] = jobs("dataset.size=8", "match=parameters")
    [wide], [narrow] = (jobs("model=single5x5", f"model.channels=[{width}]") for width in (12, 5))
    found, _ = make_designs(job, {"wide": wide.model, "narrow": narrow.model}, measure=False)
    assert found.models["narrow"].knobs["channels"] == [12] and len(found.sentences) == 1


@pytest.mark.parametrize("match", ["parameters", "macs", "memory", "receptive_field"])
@pytest.mark.parametrize("typed", [[], ["model.channels=[6,12]", "++model.kernel_size=3"]])
def test_the_command_that_is_told_trains_what_was_matched(jobs, match, typed):
    names, shared = ("stacked3x3", "single7x7"), ["dataset.size=16", *typed]
    lines = (f"compare=[{','.join(names)}]", f"match={match}", "theory=false", "seed=5", *shared)
    [job] = jobs(f"match={match}", *shared)
    models = {name: jobs(f"model={name}", *shared)[0].model for name in names}
    found, _ = make_designs(job, models, measure=False)
    command = shlex.split(training_command(Request(lines=lines), found.changes, "matched"))
    assert command[:4] == ["python", "-m", "cnnlab.train", "-m"] and any(found.changes.values())
    parser = OverridesParser.create()
    arms, *rest, folder = command[4:]
    assert folder == "hydra.sweep.dir=outputs/sweeps/matched"
    planned = make_plan(parser, rest, parser.parse_override(arms).value(), None, None).measuring
    assert [job.overrides["seed"] for job in planned] == [seed for seed in "012345" for _ in names]
    for name, first in zip(names, planned[:2], strict=True):
        [trained] = compose_jobs("train", [f"{key}={value}" for key, value in first.overrides.items()])
        assert first.labels == {"arm": name} and trained.dataset.size == 16
        assert dict(trained.model) == dict(found.models[name].knobs)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["-m", "model=plain", "model.kernel_size=3,29"], "model.kernel_size=29 is larger than the 28x28 map"),
        (
            ["-m", "compare=[linear,single5x5]", "model.channels=[4],[4,4,4,4,4,4]"],
            "larger than the 2x2 map at the input of block5",
        ),
        (["-m", "compare=[plain,linear]", "match=null,nothing"], "match=nothing is not allowed"),
        (["compare=[plain,single5x5]", "model.stride=[1,1,1]"], "has 3 values, but model.channels has 2 blocks"),
    ],
)
def test_every_job_and_every_model_of_it_is_checked(jobs, tmp_path, arguments, words):
    with pytest.raises(InputError, match=words):
        check_designs(jobs(*arguments))
    assert list(tmp_path.iterdir()) == []


def test_a_check_measures_and_writes_nothing(jobs, tmp_path, monkeypatch):
    monkeypatch.setattr("cnnlab.networks.memory.measured", lambda *_: pytest.fail("measured"))
    check_designs(jobs("compare=[single5x5,stacked3x3]", "measure=true", "plot=true"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments, models",
    [
        (["model=single7x7"], [("single7x7", 7, [16, 32])]),
        (["compare=[single5x5,linear]", "model.channels=[4]"], [("single5x5", 5, [4]), ("linear", 3, [4])]),
    ],
)
def test_a_running_job_knows_its_models_in_their_order_with_what_was_typed_for_all(jobs, arguments, models):
    found = []
    jobs(*arguments)
    entry("summary", lambda config: found.append(models_of(config)), lambda jobs: None)
    assert [(name, model.kernel_size, model.channels) for name, model in found[0].items()] == models


def test_theory_speaks_of_the_network_that_training_begins_with_and_of_its_first_images(jobs, tmp_path):
    shared = ["dataset.size=8", "model.channels=[2]", "init=xavier", "seed=3"]
    network, batch = initialized(jobs(*shared)[0])
    cnnlab.run(*shared, "trainer.max_steps=0", "telemetry=off", folder=tmp_path / "run")
    trained = cnnlab.load(tmp_path / "run")[0].state_dict()
    assert all(torch.equal(value, trained[key]) for key, value in network.state_dict().items())

    data = digits(size=8)
    first = data.train.images[:64].numpy() / 255
    expected = (first - np.reshape(data.mean, (-1, 1, 1))) / np.reshape(data.std, (-1, 1, 1))
    assert np.allclose(batch.numpy(), expected, atol=1e-5)


def test_theory_of_one_full_connection_is_the_length_of_its_inputs(jobs):
    [job] = jobs("dataset.size=8", "model=linear", "init=normal", "init.std=0.05")
    report = theory_of(job, "normal")
    _, batch = initialized(job)
    length = batch.flatten(1).square().sum(1).mean().sqrt().item()
    found = report.expectation.by_key()["preactivation/std/01_head.logits"]
    assert (report.init, report.images, report.reason) == ("normal", 64, "")
    assert found.value == pytest.approx(0.05 * length, rel=0.05)


def test_where_theory_does_not_apply_the_report_says_why(jobs):
    report = theory_of(jobs("dataset.size=8", "model=linear", "init=lsuv")[0], "lsuv")
    assert report.remark == ""
    assert report.expectation is None and "data-dependent" in report.reason and report.images == 64
