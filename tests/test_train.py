"""`cnnlab.run`: one training run from Python, what it returns and leaves, and mistakes that leave nothing."""

import json
from pathlib import Path

import hydra
import pytest
import torch
from torch import nn

import cnnlab
from cnnlab.cli.versions import VERSION_BASE
from cnnlab.datasets.base import normalize
from cnnlab.datasets.digits import digits
from cnnlab.runs.run_folder import read_metrics

SMALL = ["dataset.size=8", "model.channels=[2]", "trainer.max_steps=2", "telemetry.pictures=false"]
BARE = [*SMALL, "telemetry=off"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple[dict, Path]:
    """The results and the folder of one run."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    return cnnlab.run(*SMALL, "seed=5", "telemetry.theory=false", folder=folder), folder


def test_it_returns_what_results_json_holds(done):
    results, folder = done
    assert results == json.loads((folder / "results.json").read_text())
    # 3x3 to 2 channels twice, a pooling, 64 hidden units, 10 classes
    assert results["model/parameters"] == (9 + 1) * 2 + (2 * 9 + 1) * 2 + (2 * 16 + 1) * 64 + (64 + 1) * 10
    assert results["train/steps"] == 2


def test_its_test_accuracy_is_that_of_the_network_that_it_leaves(done):
    results, folder = done
    network, run = cnnlab.load(folder)
    test = digits(size=8).test
    with torch.no_grad():
        guesses = network(normalize(test.images, run.mean, run.std)).argmax(1)
    assert results["test/accuracy"] == pytest.approx((guesses == test.labels).float().mean().item(), abs=1e-6)


def test_the_folder_holds_the_settings_the_measurements_and_the_network(done):
    _, folder = done
    assert {path.name.split(".")[0] for path in folder.iterdir()} == {
        *("config", "run", "metrics", "results", "events", "checkpoints")
    }
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["best.pt", "last.pt"]
    status = json.loads((folder / "run.json").read_text())
    assert (status["status"], status["seed"], status["error"]) == ("completed", 5, None)
    assert {"seed: 5", "  max_steps: 2", "  size: 8"} <= set((folder / "config.yaml").read_text().splitlines())
    steps = [row["step"] for row in read_metrics(folder) if "activation/std/01_block1.conv1" in row]
    assert steps == [0, 1]


def test_only_the_seed_decides(home):
    found = []
    for number, seed in enumerate((1, 1, 2)):
        torch.manual_seed(number)
        results = cnnlab.run(*BARE, f"seed={seed}", folder=home / str(number))
        found.append([results[key] for key in ("train/epoch_loss", "test/loss", "test/accuracy")])
    assert found[0] == found[1] and found[0] != found[2]


def test_without_a_folder_the_run_goes_where_the_command_would_put_it(home, capsys):
    cnnlab.run(*BARE, "model=single5x5", "seed=3")
    [folder] = (home / "outputs" / "runs").iterdir()
    assert folder.name.startswith("single5x5_he_digits_") and "_seed3_" in folder.name
    assert (folder / "results.json").is_file()
    cnnlab.run(*BARE, "hydra.run.dir=mine")
    assert (home / "mine" / "results.json").is_file() and len(list(home.iterdir())) == 2
    assert capsys.readouterr().out == ""


def test_configs_of_ones_own_stand_beside_ours(home):
    (home / "own" / "model").mkdir(parents=True)
    (home / "own" / "model" / "tiny.yaml").write_text("defaults: [linear, _self_]\nhead: [3]\n")
    results = cnnlab.run("model=tiny", *BARE[:1], *BARE[2:], config_dir=home / "own", folder=home / "run")
    assert results["model/parameters"] == (64 + 1) * 3 + (3 + 1) * 10
    with pytest.raises(cnnlab.InputError, match="In Python: .*config_dir="):
        cnnlab.run(f"reproduce={home / 'run'}")
    again = cnnlab.run(f"reproduce={home / 'run'}", config_dir=home / "own", folder=home / "again")
    assert again["test/loss"] == results["test/loss"]
    longer = cnnlab.run(f"resume={home / 'run'}", "trainer.max_steps=3", config_dir=home / "own")
    assert longer["train/steps"] == 3


@pytest.mark.parametrize(
    "overrides, words",
    [
        (["trainer.epochs=1.5"], "trainer.epochs=1.5 is not allowed"),
        (["model=stackd3x3"], "Did you mean 'stacked3x3'"),
        (["model.kernel_size=99"], "model.kernel_size=99 is larger than the 28x28 map"),
        (["optimizer.momentum=0", "optimizer.nesterov=true"], "Nesterov momentum requires a momentum"),
        (["dataset=image_folder", "dataset.root=nowhere"], "is not a folder"),
        (["evaluation=invariance", "evaluation.shifts=[28]"], "a shift by 28 leaves nothing"),
        (["seed=0,1"], "asks for several runs"),
        (["-m", "seed=0"], "-m is a command-line flag"),
        ([{"seed": 0}], "An override is a text, not of type dict"),
    ],
)
def test_a_mistake_is_told_before_anything_begins(home, overrides, words):
    state = torch.random.get_rng_state()
    with pytest.raises(cnnlab.InputError, match=words):
        cnnlab.run(*overrides, folder=home / "run")
    assert list(home.iterdir()) == [] and torch.equal(torch.random.get_rng_state(), state)


def test_a_folder_of_configs_that_does_not_exist_is_told(home):
    with pytest.raises(cnnlab.InputError, match="nowhere: no such folder"):
        cnnlab.run(*BARE, config_dir=home / "nowhere")
    assert list(home.iterdir()) == []


def test_a_folder_that_holds_a_run_keeps_it(done):
    _, folder = done
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(cnnlab.InputError, match="already holds a run"):
        cnnlab.run(*BARE, "seed=6", folder=folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_caller_s_own_hydra_stays_as_it_is(tmp_path):
    (tmp_path / "own.yaml").write_text("answer: 42\n")
    with hydra.initialize_config_dir(str(tmp_path), **VERSION_BASE):
        cnnlab.initialize(nn.Linear(2, 2), "zeros")
        assert hydra.compose("own").answer == 42
