"""A run from plain Python: no Hydra, own network, own images, the same run folder."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import cnnlab
from cnnlab.datasets.base import Split, assemble, cut
from cnnlab.datasets.digits import digits
from cnnlab.networks.convnet import ConvNet
from cnnlab.runs.run_folder import read_metrics
from cnnlab.training.schedules import one_cycle
from cnnlab.training.setup import Telemetry

SCRIPT = """
import sys
import torch
import cnnlab
from cnnlab.datasets.digits import digits
from cnnlab.networks.convnet import ConvNet

data = digits(size=8)
torch.manual_seed(0)
network = ConvNet(data.shape, len(data.classes), channels=(8, 16))
optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
results = cnnlab.fit(network, data, optimizer, "run", steps=120)
print(results["test/accuracy"], results["diagnosis/first"])
assert not any(name.split(".")[0] in ("hydra", "omegaconf") for name in sys.modules), "Hydra was imported"
"""


def test_a_script_without_hydra_leaves_a_run_folder(tmp_path):
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "run"
    results, run = (json.loads((folder / name).read_text()) for name in ("results.json", "run.json"))
    assert run["status"] == "completed" and not (folder / "config.yaml").exists()
    assert float(done.stdout.split()[0]) == pytest.approx(results["test/accuracy"]) and results["train/steps"] == 120
    assert results["test/accuracy"] > 0.5, "a tenth would be guessing"
    assert (folder / "checkpoints" / "best.pt").is_file() and list(folder.glob("events.out.*"))
    assert "activation/std/01_block1.conv1" in read_metrics(folder)[0]


def _data():
    data = digits(size=8)
    return assemble("few", Split(data.train.images[:200], data.train.labels[:200]), data.test, data.classes, 0.1)


def _fit(folder, **settings):
    torch.manual_seed(0)
    data = _data()
    network = ConvNet(data.shape, 10, channels=(4,))
    cnnlab.initialize(network, "he")
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    return cnnlab.fit(network, data, optimizer, folder, **{"steps": 6, "batch_size": 32, **settings})


def test_the_same_seed_gives_the_same_numbers(tmp_path):
    one, same, other = (_fit(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert one["test/loss"] == same["test/loss"] != other["test/loss"]


def test_a_schedule_and_the_trainers_numbers_are_passed_on(tmp_path):
    _fit(tmp_path / "a", scheduler=one_cycle, telemetry=Telemetry(every=1))
    rates = [row["optimizer/lr"] for row in read_metrics(tmp_path / "a") if "optimizer/lr" in row]
    assert rates[0] == pytest.approx(0.05 / 25) and max(rates) <= 0.05 and len(rates) == 6
    clipped = _fit(tmp_path / "b", clip=1e-9)
    assert clipped["weight/update_ratio/01_block1.conv1@end"] < 1e-6


def test_theory_stands_beside_the_measurement_where_it_is_given(tmp_path):
    data = _data()
    batch = (data.train.images[:64].float() / 255 - data.mean[0]) / data.std[0]
    network = ConvNet(data.shape, 10, channels=(4,))
    cnnlab.initialize(network, "he")
    theory = cnnlab.expected(network, batch, "he")
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    found = cnnlab.fit(network, data, optimizer, tmp_path / "run", steps=2, expectation=theory)
    assert abs(found["theory/log_ratio/01_block1.conv1"]) < 1


def test_a_network_of_ones_own_is_judged_by_what_it_shows(tmp_path):
    layers = [nn.Conv2d(1, 8, 3), *(m for _ in range(14) for m in (nn.Tanh(), nn.Conv2d(8, 8, 3, padding=1)))]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(288, 10))
    for module in network:
        if hasattr(module, "weight"):
            nn.init.normal_(module.weight, std=1e-3)
            nn.init.zeros_(module.bias)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    found = cnnlab.fit(network, _data(), optimizer, tmp_path / "run", steps=1)
    assert found["diagnosis/first"] == "vanishing_forward"
    said = found["diagnosis/vanishing_forward/override"]
    assert said == 'cnnlab.initialize(network, "xavier")', "tanh is read from the network, and nothing can be typed"


class _Pair(nn.Linear):
    def forward(self, input):
        return super().forward(input), 1


@pytest.mark.parametrize(
    ("last", "says"),
    [
        (nn.Linear(64, 2), r"returns \(N, 2\), but for 10 classes"),
        (_Pair(64, 10), "returns a tuple"),
        (nn.Linear(48, 10), "fails on 2 images of 1x8x8 at 1"),
        (nn.Linear(64, 10).double(), "dtype"),
    ],
)
def test_a_network_that_cannot_be_trained_is_told_before_a_folder_is_made(tmp_path, last, says):
    network = nn.Sequential(nn.Flatten(), last)
    with pytest.raises(cnnlab.InputError, match=says):
        cnnlab.fit(network, _data(), torch.optim.SGD(network.parameters(), lr=0.1), tmp_path / "run", steps=1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_a_run_is_refused(tmp_path):
    _fit(tmp_path / "a", steps=1)
    with pytest.raises(cnnlab.InputError, match="already holds a run"):
        _fit(tmp_path / "a", steps=1)


@pytest.mark.parametrize("wrong", [{"steps": -1}, {"steps": 2.5}, {"batch_size": 0}, {"seed": -1}, {"seed": "a"}])
def test_numbers_that_mean_nothing_are_refused_before_anything_is_written(tmp_path, wrong):
    with pytest.raises(cnnlab.InputError, match=f"{next(iter(wrong))}=.* is not allowed"):
        _fit(tmp_path / "a", **wrong)
    assert not (tmp_path / "a").exists()


def test_numbers_may_be_numpys_and_rates_torchs(tmp_path):
    data = _data()
    data = replace(data, mean=tuple(np.array(data.mean, np.float32)), std=tuple(np.array(data.std, np.float32)))
    network = ConvNet(data.shape, 10, channels=(4,))
    optimizer = torch.optim.Adam(network.parameters(), lr=torch.tensor(0.01))
    cnnlab.fit(network, data, optimizer, tmp_path / "a", steps=np.int64(2), seed=np.int32(3))
    assert json.loads((tmp_path / "a" / "run.json").read_text())["seed"] == 3
    assert read_metrics(tmp_path / "a")[0]["optimizer/lr"] == pytest.approx(0.01)
    for name in ("best", "last"):
        assert torch.load(tmp_path / f"a/checkpoints/{name}.pt", weights_only=True)["mean"] == [float(data.mean[0])]


def _parts():
    torch.manual_seed(0)
    data = _data()
    network = ConvNet(data.shape, 10, channels=(4,))
    return network, data, torch.optim.SGD(network.parameters(), lr=0.1)


def test_a_schedule_of_torchs_may_be_given_as_it_is(tmp_path):
    network, data, optimizer = _parts()
    made = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    cnnlab.fit(network, data, optimizer, tmp_path / "run", steps=4, scheduler=made, clip=np.float32(1.0))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            {"scheduler": None},
            "The schedule is of type NoneType; an LRScheduler is needed",
        ),
        ({"scheduler": lambda optimizer, steps: 3}, "The schedule is of type int"),
        ({"optimizer": "sgd"}, "The optimizer is of type str; one of torch"),
        ({"network": "stacked3x3"}, "A network is an nn.Module, not a str"),
        ({"precision": "half"}, "trainer.precision=half is not allowed.\nAllowed: fp32 | bf16 | fp16"),
        ({"clip": -1.0}, "trainer.clip=-1.0 is not allowed"),
        ({"label_smoothing": 2}, "trainer.label_smoothing=2 is not allowed"),
        ({"resident": "yes"}, "trainer.resident=yes is not allowed"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_written(tmp_path, wrong, says):
    network, data, optimizer = _parts()
    given = {"network": network, "optimizer": optimizer, **wrong}
    network, optimizer = given.pop("network"), given.pop("optimizer")
    with pytest.raises(cnnlab.InputError, match=says):
        cnnlab.fit(network, data, optimizer, tmp_path / "run", steps=1, **given)
    assert not (tmp_path / "run").exists()


def test_lazy_layers_of_a_network_of_ones_own_are_trained(tmp_path):
    data = digits(size=8)
    network = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    results = cnnlab.fit(network, data, optimizer, tmp_path / "run", steps=3)
    assert results["train/steps"] == 3 and network[3].weight.shape == (10, 144)


def test_a_test_of_one_class_is_no_proof_of_health(tmp_path):
    """Always that class would be right for all of it."""
    data = digits(size=8)
    zeros = data.test.labels == 0
    data = replace(
        data, test=Split(data.test.images[zeros], data.test.labels[zeros]), validation=cut(data.validation, 20)[0]
    )
    network = ConvNet(data.shape, 10, channels=(8,))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    results = cnnlab.fit(network, data, optimizer, tmp_path / "run", steps=120)
    assert results["test/chance"] == 1 and results["train/epoch_accuracy"] > 0.8
    assert results["diagnosis/first"] == "unknown"
