"""What can be known to fail is found before any job begins."""

import sys
import textwrap

import pytest
import torch

from cnnlab.cli.compose import compose_jobs
from cnnlab.cli.preflight import check_training
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.common.errors import InputError


def _check(*arguments: str) -> None:
    register_resolvers()
    check_training(compose_jobs("train", arguments))


@pytest.fixture
def own_network(tmp_path, monkeypatch):
    """A module of one's own, `mine.Net`, chosen by one YAML in a folder of one's own."""
    (tmp_path / "model").mkdir()
    (tmp_path / "mine_net.py").write_text(
        textwrap.dedent("""
        from torch import nn

        class Net(nn.Sequential):
            def __init__(self, image_shape, classes, width=4):
                super().__init__(nn.Conv2d(image_shape[0], width, 3), nn.ReLU(), nn.Flatten(),
                                 nn.LazyLinear(classes) if width < 0 else nn.Linear(width * 26 * 26, classes))

        class Narrow(nn.Module):
            def __init__(self, classes): ...

        class Neither(nn.Module):
            def __init__(self, width=1): super().__init__()

        class Foreign(Net):
            def __init__(self, num_classes, width=4): super().__init__((3, 28, 28), num_classes, width)
        """)
    )
    (tmp_path / "model" / "mine.yaml").write_text("_target_: mine_net.Net\nwidth: 6\n")
    (tmp_path / "model" / "narrow.yaml").write_text("_target_: mine_net.Narrow\n")
    (tmp_path / "model" / "neither.yaml").write_text("_target_: mine_net.Neither\n")
    (tmp_path / "model" / "foreign.yaml").write_text("_target_: mine_net.Foreign\nstem: match\n")
    (tmp_path / "model" / "gone.yaml").write_text("_target_: nowhere.Net\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield ["--config-dir", str(tmp_path)]
    sys.modules.pop("mine_net", None)


def test_the_default_passes():
    _check()


def test_a_module_of_ones_own_passes(own_network):
    _check(*own_network, "model=mine", "model.width=8")


def test_a_network_that_takes_num_classes_is_fitted_to_grey_images(own_network):
    _check(*own_network, "model=foreign", "init=own")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["model=neither"], "mine_net.Neither does not take num_classes"),
        (["model=foreign", "model.stem=keep"], "fails on 2 images of 1x28x28 at 0: RuntimeError.*expected input"),
        (["model=foreign", "model.stem=large"], "model.stem=large is not allowed"),
        (["model=mine", "dataset.size=20"], "fails on 2 images of 1x20x20 at 3: RuntimeError"),
        (["model=narrow"], "mine_net.Narrow does not take image_shape"),
        (["model=gone"], "model._target_=nowhere.Net cannot be imported: No module named 'nowhere'"),
    ],
)
def test_a_module_that_does_not_fit_is_told(own_network, arguments, words):
    with pytest.raises(InputError, match=words):
        _check(*own_network, *arguments)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["trainer.epochs=1.5"], "trainer.epochs=1.5 is not allowed"),
        (["model.kernel_size=29"], "model.kernel_size=29 is larger than the 28x28 map"),
        (["model.kernel_size=[3,3,3]"], "has 3 values, but model.channels has 2 blocks"),
        (["model.channels=[4,4,4,4,4,4]", "model.kernel_size=1"], "which cannot be pooled"),
        (["model=unpadded99"], "is larger than the 2x2 map|kernel_size=3 is larger"),
        (["optimizer.momentum=0", "optimizer.nesterov=true"], "optimizer: Nesterov momentum requires a momentum"),
        (["scheduler.warmup=1.5"], "scheduler.warmup=1.5 is not allowed"),
        (["telemetry.statistics.activation.std=nowhere.f"], "is not an importable function"),
        (["augmentation=flip_translate", "augmentation.translate=28"], "translate=28"),
        (["-m", "hydra/sweeper=basic", "seed=0,1,2", "model.kernel_size=3,99"], "model.kernel_size=99 is larger"),
        (["trainer.precision=fp16", "trainer.device=cpu"], "trainer.precision=fp16 needs CUDA"),
        (["evaluation=invariance", "evaluation.images=1.5"], "evaluation.images=1.5 is not allowed"),
        (["trainer.clip=${oc.env:NOPE}"], "NOPE"),
        (["trainer.epochs=${nope}"], "'nope' not found"),
        (["trainer.batch_size=${optimizer.lr}"], "trainer.batch_size=0.02 is not allowed"),
        (["~optimizer"], "~optimizer would remove a required setting"),
        (["~optimizer.lr"], "~optimizer.lr would remove"),
        (["optimizer.lr=1e300"], r"optimizer.lr=1e\+300 is not allowed"),
        (["trainer.max_steps=99999999999999999999"], "is not allowed"),
        (["telemetry.statistics.preactivation=abc"], "telemetry.statistics="),
        (["init=constant", "init.val=abc"], "init.val=abc is not allowed"),
        (["init=truncated_normal", "init.std=0"], "cannot fill 01_block1.conv1.*division by zero"),
        (["optimizer=adamw", "optimizer.betas=[0]"], "optimizer: list index out of range"),
        (["model=null"], "model=null: a choice is one name"),
        (["model/x=y"], "model/x"),
    ],
)
def test_mistakes_are_told_in_at_most_five_lines(arguments, words):
    with pytest.raises(InputError, match=words) as error:
        _check(*arguments)
    assert len(str(error.value).splitlines()) <= 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trainer.devices=3"], "64 images of a batch cannot be shared equally by trainer.devices=3.\n"
         "Give trainer.batch_size=63 or 66, or other trainer.devices."),
        (["trainer.devices=100"], "Give trainer.batch_size=100, or other trainer.devices."),
        (["trainer.devices=2", "trainer.batch_size=5000", "dataset.validation=0.5"], "719 images of a batch"),
    ],
)  # fmt: skip
def test_a_batch_is_shared_equally(arguments, words, monkeypatch):
    monkeypatch.setattr("cnnlab.cli.preflight.warm_processes", lambda job: None)
    with pytest.raises(InputError, match=words):
        _check(*arguments)


def test_more_gpus_than_there_are_is_told(monkeypatch):
    monkeypatch.setattr("cnnlab.cli.preflight.warm_processes", lambda job: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    words = "trainer.devices=2 needs 2 CUDA devices here, and this PyTorch sees 1.\nUse at most trainer.devices=1"
    with pytest.raises(InputError, match=words):
        _check("trainer.devices=2")


def test_missing_images_are_told_with_what_to_do(tmp_path):
    with pytest.raises(InputError, match="MNIST") as error:
        _check("dataset=mnist", f"dataset.root={tmp_path / 'data'}")
    assert "dataset=digits" in str(error.value) and len(str(error.value).splitlines()) <= 5
    assert not (tmp_path / "data").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_one_is_told():
    with pytest.raises(InputError, match="trainer.device=cuda, but this PyTorch sees no CUDA device"):
        _check("trainer.device=cuda")


@pytest.mark.parametrize(
    "overrides, words",
    [
        (["check=one_batch"], "check=one_batch trains none"),
        (["trainer.max_steps=0"], "this run takes no step"),
        (["trainer.epochs=0"], "this run takes no step"),
    ],
)
def test_a_repair_needs_a_training_run(overrides, words):
    with pytest.raises(InputError, match=words):
        _check("repair=true", *overrides)
    _check(*overrides)


def test_images_that_cannot_reproduce_a_run_are_told_before_it_is_trained(tmp_path):
    for name, content in {"run.json": "{}", "metrics.jsonl": "", "results.json": '{"train/images": 7}'}.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match="the images are not those of that run: then 7 to train on"):
        _check(f"reproduce={tmp_path}")
