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
    (folder / "results.json").write_text("{}")
    (folder / "metrics.jsonl").touch()
    return folder


def test_it_is_the_runs_own_command_into_its_folder(run):
    assert resumed([f"resume={run}"]) == ["model=single5x5", "optimizer.lr=0.05", f'hydra.run.dir="{run}"']


def test_what_is_typed_beside_it_wins(run):
    arguments = resumed(["optimizer.lr=0.1", f"resume={run}", "trainer.max_steps=9"])
    assert arguments == ["optimizer.lr=0.1", "trainer.max_steps=9", "model=single5x5", f'hydra.run.dir="{run}"']


def test_settings_of_hydra_stay_where_they_were(run):
    _write(run, lines=["seed=1", "hydra.callbacks.x._target_=os.system", "hydra/launcher=local"])
    assert resumed([f"resume={run}"]) == ["seed=1", f'hydra.run.dir="{run}"']


def _write(run, **changes) -> None:
    content = json.loads((run / "run.json").read_text()) | changes
    (run / "run.json").write_text(json.dumps(content))


def test_code_from_elsewhere_runs_if_it_is_given_again(run):
    _write(run, config_dir="/mine")
    with pytest.raises(
        InputError, match=r"--config-dir /mine\nIn Python: cnnlab.run\('resume=.*', config_dir='/mine'\)"
    ):
        resumed([f"resume={run}"])
    for given in (["--config-dir", "/mine"], ["--config-dir=/mine"], ["-cd", "/mine"]):
        assert resumed([*given, f"resume={run}"])[: len(given)] == given
    assert resumed([f"resume={run}"], config_dir="/mine") == [
        *("model=single5x5", "optimizer.lr=0.05"),
        f'hydra.run.dir="{run}"',
    ]


@pytest.mark.parametrize(
    "line",
    ["hydra.searchpath=[file:///mine]", "model._target_=os.system", "+telemetry.statistics.activation.x=os.system"],
)
def test_overrides_that_name_code_run_if_they_are_given_again(run, line):
    _write(run, lines=[line])
    with pytest.raises(InputError, match="can run any code"):
        resumed([f"resume={run}"])
    assert resumed([line, f"resume={run}"]) == [line, f'hydra.run.dir="{run}"']


def test_to_reproduce_it_is_the_runs_command_and_what_to_compare_with(run):
    assert resumed([f"reproduce={run}"]) == ["model=single5x5", "optimizer.lr=0.05", f'reproduce="{run}"']
    with pytest.raises(InputError, match="give one of them"):
        resumed([f"reproduce={run}", f"resume={run}"])


def test_what_cannot_be_compared_is_told_before_it_is_trained(run):
    (run / "results.json").unlink()
    with pytest.raises(InputError, match="results.json cannot be read"):
        resumed([f"reproduce={run}"])
    assert resumed([f"resume={run}"])[-1] == f'hydra.run.dir="{run}"'


def test_a_reproduction_that_was_stopped_goes_on_as_one(run, tmp_path, monkeypatch):
    """Its config names what it is compared with, also for a command in another folder."""
    monkeypatch.chdir(tmp_path)
    assert resumed([f"reproduce={run.name}"])[-1] == f'reproduce="{run}"'
    _write(run, lines=["seed=1", 'reproduce="/other"'])
    assert resumed([f"resume={run}"]) == ["seed=1", 'reproduce="/other"', f'hydra.run.dir="{run}"']
    assert resumed([f"reproduce={run}"]) == ["seed=1", f'reproduce="{run}"']


@pytest.mark.parametrize("lines", [[], ["dataset.root=photos"]])
@pytest.mark.parametrize("verb", ["resume", "reproduce"])
def test_images_are_read_where_the_run_read_them(verb, lines, run, tmp_path, monkeypatch):
    (tmp_path / "there/photos").mkdir(parents=True)
    (tmp_path / "here/photos").mkdir(parents=True)  # others, of the same name
    (run / "config.yaml").write_text("dataset: {root: photos}\n")
    _write(run, lines=lines, cwd=str(tmp_path / "there"))
    monkeypatch.chdir(tmp_path / "here")
    found = resumed([f"{verb}={run}"])
    assert found[:-1] == [f'dataset.root="{tmp_path}/there/photos"']
    assert resumed([f"{verb}={run}", "dataset.root=mine"])[:-1] == ["dataset.root=mine"]
    assert "there" not in "".join(resumed([f"{verb}={run}", "dataset=digits"]))
    monkeypatch.chdir(tmp_path / "there")
    assert resumed([f"{verb}={run}"])[:-1] == lines
    (tmp_path / "there").rename(tmp_path / "moved")  # with its images
    monkeypatch.chdir(tmp_path / "moved")
    assert resumed([f"{verb}={run}"])[:-1] == lines


@pytest.mark.parametrize(
    "config", ["dataset: {size: 8}", "dataset: {root: /photos}", "dataset: {root: null}", "{", "[]"]
)
def test_a_set_without_a_relative_root_is_as_it_was(config, run, tmp_path, monkeypatch):
    (run / "config.yaml").write_text(config)
    _write(run, lines=["seed=1"], cwd=str(tmp_path / "there"))
    assert resumed([f"resume={run}"]) == ["seed=1", f'hydra.run.dir="{run}"']


def test_without_it_nothing_changes():
    assert resumed(["model=plain", "resume=null"]) == ["model=plain"] and resumed(["-m", "seed=1,2"]) == [
        "-m",
        "seed=1,2",
    ]


@pytest.mark.parametrize(
    ("arguments", "content", "says"),
    [
        (["resume=nowhere"], None, "that folder holds no run"),
        ([f"resume={'a' * 300}"], None, "that folder holds no run"),
        (["-m", "resume=RUN"], None, "is about one run"),
        (["resume=RUN"], "[1]", "does not say how it was started"),
        (["resume=RUN"], "{", "does not say how it was started"),
        (["resume=RUN"], '{"status": "completed"}', "made by cnnlab.fit in a program"),
        (["reproduce=RUN"], '{"status": "completed"}', "made by cnnlab.fit in a program"),
        (["resume=RUN/checkpoints/last.pt"], None, "in the folder of a run, and no run itself. Give .*a run.$"),
        (["reproduce=RUN/checkpoints"], None, "in the folder of a run, and no run itself"),
        (["resume=${oc.env:HOME}/x"], None, "a run is given by its path as it is"),
        (["resume=RUN", "hydra.run.dir=other"], None, "Leave out hydra.run.dir=other"),
    ],
)
def test_mistakes(run, arguments, content, says):
    if content is not None:
        (run / "run.json").write_text(content)
    with pytest.raises(InputError, match=says) as raised:
        resumed([argument.replace("RUN", str(run)) for argument in arguments])
    assert str(raised.value).count("\n") < 5


@pytest.mark.parametrize("typed", ["resume=", "reproduce="])
def test_an_empty_name_as_of_a_variable_that_is_not_set_starts_nothing_new(typed):
    with pytest.raises(InputError, match=f"{typed} names no run"):
        resumed(["model=plain", typed])
