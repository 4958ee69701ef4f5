"""Data, machine, versions, and commands that repeat."""

import json
import shlex

from cnnlab.claims.circumstances import arm_command, circumstances, sweep_commands
from cnnlab.claims.experiment import load
from cnnlab.claims.groups import groups_of
from cnnlab.claims.metric import Metric


def test_circumstances_list_every_value_once(make_sweep):
    folder = make_sweep({"a": [0.9, 0.8], "b": ["queued"]})
    run = folder / "a,seed=1" / "run.json"
    run.write_text(run.read_text().replace('"abc"', '"def"').replace("2026-11-26T11:01", "2026-11-27T11:01"))
    found = circumstances(load([folder]))
    assert found["data"] == "digits" and found["commit"] == "abc; def" and found["test images"] == "200"
    assert found["date"] == "2026-11-26 to 2026-11-27" and found["versions"] == "cnnlab 1, torch 2"


def test_images_that_changed_between_runs_are_told(make_sweep):
    folder = make_sweep({"a": [0.9, 0.8, 0.7]})
    for seed, seen in enumerate(("f00d", "f00d", "beef")):
        file = folder / f"a,seed={seed}" / "results.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"data/fingerprint": seen}))
        found = circumstances(load([folder]))["data"]
        assert found == ("digits" if seed < 2 else "digits, whose images or labels changed between runs (beef, f00d)")


def test_an_arm_s_command_runs_all_its_seeds(make_sweep):
    experiment = load([make_sweep({"a,x y": [0.9, "failed"]}, axes=("model", "dataset.root"))])
    (group,) = groups_of(experiment, Metric())
    command = arm_command(group, experiment)
    assert shlex.split(command or "") == [
        *("python", "-m", "cnnlab.train", "-m", "model=a", "dataset.root=x y", "seed=0,1")
    ]
    assert sweep_commands(experiment) == ["python -m cnnlab.train -m"]


def test_a_single_run_is_no_sweep_and_unknown_overrides_are_unknown(make_sweep, write_run, tmp_path):
    experiment = load([make_sweep({"a": [0.9]})])
    assert arm_command(groups_of(experiment, Metric())[0], experiment) == "python -m cnnlab.train model=a seed=0"
    experiment = load([write_run(tmp_path / "alone", 0.9)])
    assert arm_command(groups_of(experiment, Metric())[0], experiment) is None


def test_an_experiment_s_own_arms_do_not_come_back_and_its_configs_are_found(make_sweep):
    command = "python -m cnnlab.train -m --config-dir 'my configs' experiment=e"
    experiment = load([make_sweep({"e": [0.9, 0.8]}, axes=("experiment",), command=command)])
    assert shlex.split(arm_command(groups_of(experiment, Metric())[0], experiment) or "") == [
        *("python", "-m", "cnnlab.train", "-m", "--config-dir", "my configs", "experiment=e", "seed=0,1"),
        *("hydra.sweeper.arms=null", "hydra.sweeper.tune=null"),
    ]
