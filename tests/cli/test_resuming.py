"""`resume=RUN` stands for the command that made the run, and its folder."""

import json

import pytest

from cnnlab.cli.resuming import resumed
from cnnlab.common.errors import InputError


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "a run"
    folder.mkdir()
    lines = ["model=single5x5", "optimizer.lr=0.05", "hydra.run.dir=elsewhere"]
    (folder / "run.json").write_text(json.dumps({"lines": lines, "config_dir": None}))
    return folder


def test_it_is_the_runs_own_command_into_its_folder(run):
    assert resumed([f"resume={run}"]) == ["model=single5x5", "optimizer.lr=0.05", f'hydra.run.dir="{run}"']


def test_what_is_typed_beside_it_wins(run):
    arguments = resumed(["optimizer.lr=0.1", f"resume={run}", "trainer.max_steps=9"])
    assert arguments == ["optimizer.lr=0.1", "trainer.max_steps=9", "model=single5x5", f'hydra.run.dir="{run}"']


def test_the_folder_of_ones_own_configs_comes_along(run):
    content = json.loads((run / "run.json").read_text()) | {"config_dir": "/mine"}
    (run / "run.json").write_text(json.dumps(content))
    assert resumed([f"resume={run}"])[:2] == ["--config-dir", "/mine"]
    assert resumed(["--config-dir", "/other", f"resume={run}"])[:2] == ["--config-dir", "/other"]


def test_without_it_nothing_changes():
    assert resumed(["model=plain", "resume=null"]) == ["model=plain"] and resumed(["-m", "seed=1,2"]) == [
        "-m",
        "seed=1,2",
    ]


@pytest.mark.parametrize(
    ("arguments", "content", "says"),
    [
        (["resume=nowhere"], None, "that folder holds no run"),
        (["-m", "resume=RUN"], None, "goes on with one run"),
        (["resume=RUN"], "[1]", "does not say how it was started"),
        (["resume=RUN"], "{", "does not say how it was started"),
    ],
)
def test_mistakes(run, arguments, content, says):
    if content is not None:
        (run / "run.json").write_text(content)
    with pytest.raises(InputError, match=says) as raised:
        resumed([argument.replace("RUN", str(run)) for argument in arguments])
    assert str(raised.value).count("\n") < 5
