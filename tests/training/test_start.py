"""From a composed config to a session: what it holds, and what a run leaves."""

import json

import pytest
import torch
from omegaconf import OmegaConf

from cnnlab.cli.compose import compose_jobs
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder
from cnnlab.training.observers.drawing import Drawing
from cnnlab.training.observers.theory_beside import TheoryBeside
from cnnlab.training.session import Session
from cnnlab.training.start import session_of, train

SMALL = ["dataset.size=8", "model.channels=[2]", "model.convs_per_block=1", "model.head=[]", "telemetry.theory=false"]


def _job(*overrides: str):
    register_resolvers()
    (job,) = compose_jobs("train", [*SMALL, *overrides]) or []
    return job


@pytest.fixture
def session(tmp_path):
    """session(*overrides, pictures=False): ready to run."""

    def session(*overrides: str, pictures: bool = False) -> Session:
        made = session_of(_job(*overrides), Request(), RunFolder(tmp_path), torch.device("cpu"), pictures)
        made.recorder.dashboard.end(False)
        return made

    return session


def test_a_run_returns_what_it_leaves_in_its_folder(tmp_path, capsys):
    job = _job("trainer.max_steps=2", "seed=7", "model.dropout=0.5", "model.head=[8]")
    results = train(job, Request(), tmp_path / "run", pictures=False, show=False)
    assert capsys.readouterr().out == ""
    written, run = (json.loads((tmp_path / "run" / name).read_text()) for name in ("results.json", "run.json"))
    assert written == results and results["train/steps"] == 2
    assert (run["status"], run["seed"], run["device"]) == ("completed", 7, "cpu")
    assert OmegaConf.load(tmp_path / "run" / "config.yaml") == OmegaConf.create(
        OmegaConf.to_container(job, resolve=True)
    )
    again = train(job, Request(), tmp_path / "again", pictures=False, show=True)
    assert again["test/loss"] == results["test/loss"], "dropout and the order of the images follow the seed"
    assert f"{100 * results['test/accuracy']:.2f} %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "steps"),
    [
        (["trainer.max_steps=5"], 5),
        (["trainer.epochs=3", "trainer.batch_size=100"], 3 * (1294 // 100)),
        (["trainer.epochs=3", "trainer.max_steps=1"], 1),
    ],
)
def test_the_steps_are_those_of_the_epochs_unless_their_number_is_given(session, overrides, steps):
    made = session(*overrides)
    assert len(made.data.train) == 1294
    assert made.steps == steps
    rates = []
    for _ in range(steps):
        rates.append(made.trainer.optimizer.param_groups[0]["lr"])
        made.trainer.optimizer.step()
        made.trainer.scheduler.step()
    if steps > 2:
        assert 0 < rates.index(max(rates)) < steps - 1 and rates[-1] < 0.2 * max(rates), "one cycle over all steps"


@pytest.mark.parametrize("setting", ["auto", "true", "false"])
@pytest.mark.parametrize("pictures", [True, False])
def test_auto_draws_where_pictures_are_meant(session, setting, pictures):
    made = session(f"telemetry.pictures={setting}", pictures=pictures)
    drawn = any(isinstance(observer, Drawing) for observer in made.observers)
    assert drawn == {"auto": pictures, "true": True, "false": False}[setting]


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("telemetry.theory=true", None),
        ("telemetry.theory=false", None),
        ("model.activation=softsign init=normal", "there is no formula for block1.activation1 (Softsign)"),
        ("init=lsuv", "this initializer is data-dependent"),
    ],
)
def test_theory_stands_beside_a_run_where_it_applies_and_says_why_not(session, caplog, override, reason):
    caplog.set_level("INFO", "cnnlab")
    made = session(*([] if "theory" in override else ["telemetry.theory=true"]), *override.split())
    beside = [observer for observer in made.observers if isinstance(observer, TheoryBeside)]
    assert len(beside) == (override == "telemetry.theory=true")
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (reason is not None)
    assert reason is None or said[0].startswith(f"no theory for this run: {reason}")


def test_an_initializer_that_looks_at_data_sees_the_first_batch(session):
    made = session("init=lsuv")
    x, _ = next(iter(made.batches.epoch(0)))
    assert made.network.get_submodule("block1.conv1")(x).std().item() == pytest.approx(1, abs=0.02)


def test_settings_reach_the_trainer_and_the_probe(session):
    made = session("trainer.precision=bf16", "trainer.clip=0.5", "trainer.label_smoothing=0.1", "telemetry.images=3")
    assert (made.trainer.precision, made.trainer.clip, made.trainer.label_smoothing) == ("bf16", 0.5, 0.1)
    assert made.recorder.probe.images == 3
