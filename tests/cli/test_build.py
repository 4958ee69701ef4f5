"""What a run folder is made of again, and the words for one that was damaged."""

import math
import sys

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LinearLR, OneCycleLR, PolynomialLR, StepLR

from cnnlab.cli.build import build_data, build_optimizer, build_statistics, construct, load_run, make_network
from cnnlab.common.errors import InputError
from cnnlab.networks.convnet import ConvNet
from cnnlab.runs import checkpoint
from cnnlab.telemetry.statistics import STATISTICS

MODEL = {"_target_": "cnnlab.networks.convnet.ConvNet", "channels": [4], "head": []}


@pytest.fixture
def run(tmp_path):
    network = ConvNet((1, 8, 8), 2, channels=(4,), head=())
    facts = {"image_shape": [1, 8, 8], "classes": ["a", "b"], "mean": [0.5], "std": [0.2], "top": 4095}
    checkpoint.save(tmp_path / "checkpoints" / "last.pt", {"network": network.state_dict(), **facts})
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml({"model": MODEL}))
    return tmp_path, network


def test_the_network_of_a_run_answers_as_it_did(run):
    folder, network = run
    loaded, facts = load_run(folder)
    x = torch.randn(3, 1, 8, 8)
    assert torch.equal(loaded(x), network.eval()(x)) and not loaded.training
    assert facts.image_shape == (1, 8, 8) and facts.classes == ("a", "b") and facts.top == 4095


def test_classes_that_an_older_version_numbered_are_named_by_their_numbers(run):
    path = run[0] / "checkpoints" / "last.pt"
    checkpoint.save(path, {**checkpoint.load(path), "classes": [0, 1]})
    assert load_run(run[0])[1].classes == ("0", "1")


@pytest.mark.parametrize(
    "content",
    [
        *("", "{{{", "[]", "42", "model: null", "other: 1", "model: {_target_: foo.Bar}"),
        OmegaConf.to_yaml({"model": {**MODEL, "kernel_size": 5}}),
        OmegaConf.to_yaml({"model": {**MODEL, "activation": "foo"}}),
    ],
)
def test_a_config_that_does_not_fit_is_told(run, content):
    (run[0] / "config.yaml").write_text(content)
    with pytest.raises(InputError) as error:
        load_run(run[0])
    assert str(run[0]) in str(error.value) and len(str(error.value).splitlines()) <= 5


@pytest.mark.parametrize("state", [[1], {}, {"network": {}}])
def test_a_checkpoint_of_something_else_is_told(run, state):
    torch.save(state, run[0] / "checkpoints" / "last.pt")
    with pytest.raises(
        InputError, match="cannot rebuild the network from last.pt and config.yaml|is not a cnnlab checkpoint"
    ):
        load_run(run[0])


@pytest.mark.parametrize(
    ("what", "path", "says"),
    [
        ("activation", "math.sqrt", "only one element"),
        ("activation", "os.getcwd", "takes no arguments"),
        ("activation", "torch.relu", "one number in a tensor is needed"),
        ("weight", "torch.mean", "called with a tensor, a tensor, a tensor"),
        ("saturation", "torch.mean", "called with a tensor, a number, a number"),
        ("activation", "torch.nowhere", "not an importable function"),
    ],
)
def test_a_statistic_that_cannot_work_is_told_before_the_run(what, path, says):
    with pytest.raises(InputError, match=says) as error:
        build_statistics(OmegaConf.create({"statistics": {what: {"mine": path}}}))
    assert f"telemetry.statistics.{what}.mine={path}" in str(error.value) and str(error.value).count("\n") < 5


def test_every_shipped_statistic_works():
    paths = {what: {n: f"{f.__module__}.{f.__name__}" for n, f in group.items()} for what, group in STATISTICS.items()}
    assert build_statistics(OmegaConf.create({"statistics": paths})) == STATISTICS


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("(1, 2)", r"what own_sets.make returns is of type tuple, and an ImageSet is needed.\n.*assemble\("),
        ("{}['label']", r"^dataset: KeyError: 'label'\n\(.*own_sets.py, line 2\)\nCheck the dataset"),
        ("int('')", r"^dataset: ValueError: invalid literal .*\n\(.*own_sets.py, line 2\)"),
        ("open('gone.npz')", r"^dataset: FileNotFoundError: .*gone.npz'\n\(.*own_sets.py, line 2\)"),
        ("next(iter([]))", r"^dataset: StopIteration: StopIteration\n\(.*own_sets.py, line 2\)"),
    ],
)
def test_what_a_function_of_ones_own_does_wrong_is_told_with_its_line(returned, words, tmp_path, monkeypatch):
    (tmp_path / "own_sets.py").write_text(f"def make():\n    return {returned}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_sets", raising=False)
    with pytest.raises(InputError, match=words):
        build_data(OmegaConf.create({"_target_": "own_sets.make"}))
    with pytest.raises(InputError, match=r"^dataset: .*unexpected keyword argument 'kind'\nCheck the dataset"):
        build_data(OmegaConf.create({"_target_": "own_sets.make", "kind": 1}))


STEPS = 20


@pytest.mark.parametrize(
    ("kind", "settings", "made"),
    [
        (StepLR, {"step_size": 5}, lambda o: StepLR(o, 5)),
        (ExponentialLR, {"gamma": 0.9}, lambda o: ExponentialLR(o, 0.9)),
        (CosineAnnealingLR, {}, lambda o: CosineAnnealingLR(o, STEPS)),
        (CosineAnnealingLR, {"T_max": 7}, lambda o: CosineAnnealingLR(o, 7)),
        (PolynomialLR, {"power": 2.0}, lambda o: PolynomialLR(o, STEPS, 2.0)),
        (PolynomialLR, {"total_iters": 7}, lambda o: PolynomialLR(o, 7)),
        (LinearLR, {}, lambda o: LinearLR(o)),
        (OneCycleLR, {"max_lr": 0.5}, lambda o: OneCycleLR(o, 0.5, total_steps=STEPS)),
    ],
)
def test_a_schedule_of_torchs_gets_what_its_signature_asks_for(kind, settings, made):
    scheduler = {"_target_": f"torch.optim.lr_scheduler.{kind.__name__}", "_partial_": True, **settings}
    found, expected = [], []
    for rates, (optimizer, schedule) in (
        (found, build_optimizer(_config(scheduler), nn.Linear(2, 2), STEPS)),
        (expected, (own := SGD(nn.Linear(2, 2).parameters(), lr=0.1), made(own))),
    ):
        assert isinstance(schedule, kind)
        for _ in range(STEPS - 1):
            optimizer.step()
            schedule.step()
            rates.append(optimizer.param_groups[0]["lr"])
    assert found == expected and len(set(found)) > 1


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("torch.optim.lr_scheduler.StepLR", "missing 1 required positional argument: 'step_size'"),
        ("builtins.max", "not supported between|returns a int"),
        ("own_schedules.nothing", "own_schedules.nothing returns a NoneType, and an LRScheduler"),
    ],
)
def test_what_is_no_schedule_of_the_step_is_told(target, words, tmp_path, monkeypatch):
    (tmp_path / "own_schedules.py").write_text("def nothing(optimizer, steps):\n    return None\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_schedules", raising=False)
    with pytest.raises(InputError, match=f"^scheduler: .*{words}"):
        build_optimizer(_config({"_target_": target, "_partial_": True}), nn.Linear(2, 2), STEPS)


def test_a_function_that_is_written_as_a_text_is_told_how_to_be_written():
    config = _config({"_target_": "torch.optim.lr_scheduler.LambdaLR", "_partial_": True, "lr_lambda": "math.cos"})
    with pytest.raises(InputError, match=r"scheduler: .*\n.*a function is written {_target_: its.*, _partial_: true}"):
        build_optimizer(config, nn.Linear(2, 2), STEPS)
    config.scheduler.lr_lambda = {"_target_": "math.cos", "_partial_": True}
    optimizer, schedule = build_optimizer(config, nn.Linear(2, 2), STEPS)
    optimizer.step()
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * math.cos(1))


def test_weights_of_other_classes_are_told_how_to_be_taken():
    config = OmegaConf.create({"_target_": "torchvision.models.squeezenet1_1", "weights": "DEFAULT"})
    with pytest.raises(
        InputError, match="model.weights=DEFAULT is of other classes than the 10 of these images"
    ) as told:
        make_network(config, (3, 32, 32), 10)
    assert "init=checkpoint init.file=FILE \"init.skip=['fc.*']\"" in str(told.value)
    assert len(str(told.value).splitlines()) <= 5


def test_an_optimizer_that_asks_for_the_network_gets_it():
    config = _config({"_target_": "torch.optim.lr_scheduler.ConstantLR", "_partial_": True})
    config.optimizer = {"_target_": "cnnlab.training.mup.mup_adamw", "_partial_": True, "lr": 0.1, "base_width": 16}
    network = nn.Sequential(nn.Conv2d(1, 64, 3), nn.ConvTranspose2d(64, 32, 3, bias=False))
    optimizer, _ = build_optimizer(config, network, STEPS)
    assert [group["initial_lr"] for group in optimizer.param_groups] == [0.1, 0.1 * 16 / 64]


@pytest.mark.parametrize("section", ["init", "optimizer", "scheduler", "augmentation"])
def test_what_is_called_in_the_run_needs_partial(section):
    config = OmegaConf.create({"_target_": "torch.optim.SGD", "lr": 0.1})
    with pytest.raises(
        InputError, match=f"^{section}: SGD.* missing 1 .*'params'\\n.*`_partial_: true` below `_target_`"
    ):
        construct(section, config)
    with pytest.raises(InputError, match="^dataset: .*\\nCheck the dataset"):
        construct("dataset", config)


@pytest.mark.parametrize(("optimizer", "scheduler"), [("LBFGS", "ConstantLR"), ("SGD", "ReduceLROnPlateau")])
def test_what_does_not_step_alone_is_told_before_the_run(optimizer, scheduler):
    target = {"_target_": f"torch.optim.lr_scheduler.{scheduler}", "_partial_": True}
    with pytest.raises(InputError, match=r"^(LBFGS|ReduceLROnPlateau).step\(\) cannot be called alone"):
        build_optimizer(_config(target, optimizer), nn.Linear(2, 2), STEPS)


def _config(scheduler, optimizer="SGD"):
    optimizer = {"_target_": f"torch.optim.{optimizer}", "_partial_": True, "lr": 0.1}
    return OmegaConf.create({"optimizer": optimizer, "scheduler": scheduler})
