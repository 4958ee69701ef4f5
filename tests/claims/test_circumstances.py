"""Data, machine, versions, and commands that repeat."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import DictConfig

from cnnlab.claims.circumstances import arm_command, circumstances, sweep_commands, tuned_in_words
from cnnlab.claims.experiment import Experiment, load
from cnnlab.claims.groups import Group, groups_of
from cnnlab.claims.metric import Metric
from cnnlab.claims.run_record import RunRecord
from cnnlab.cli.compose import compose_command, compose_run, with_configs, without_sections
from cnnlab.cli.overrides import parser_of
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.cli.sweeps.frozen import freeze
from cnnlab.cli.sweeps.plan import make_plan
from cnnlab.cli.sweeps.sweeper import _claim, _plain


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


@pytest.mark.parametrize(
    "flags", ["--config-dir 'my configs' -cn mine", "'--config-dir=my configs' --config-name=mine"]
)
def test_an_experiment_s_own_arms_do_not_come_back_and_its_configs_are_found(make_sweep, flags):
    command = f"python -m cnnlab.train -m {flags} experiment=e"
    experiment = load([make_sweep({"e": [0.9, 0.8]}, axes=("experiment",), command=command)])
    assert shlex.split(arm_command(groups_of(experiment, Metric())[0], experiment) or "") == [
        *("python", "-m", "cnnlab.train", "-m", "--config-dir", "my configs", "--config-name", "mine"),
        *("experiment=e", "seed=0,1", "hydra.sweeper.arms=null", "hydra.sweeper.tune=null"),
        *("hydra.sweeper.params=null", "claim=null"),
    ]


def _composed(arguments: Sequence[str]) -> list[DictConfig]:
    """The jobs of a command line, as the command makes them."""
    command = compose_command("train", arguments)
    if command.jobs is not None:
        return command.jobs
    assert command.config is not None
    sweeper, lines = command.config.hydra.sweeper, [a for a in arguments[1:] if not a.startswith(("hydra.", "claim="))]
    with with_configs(None) as hydra:
        parser = parser_of(hydra.config_loader)
        plan = make_plan(parser, lines, *(_plain(sweeper[key]) for key in ("arms", "tune", "params")))
        assert _claim(_plain(command.config.claim) or {}, plan) is None
        jobs = freeze(hydra.config_loader, command.config, [*plan.tuning, *plan.measuring], tuned=bool(plan.grid))
        return [without_sections(job.config) for job in jobs]


@pytest.mark.parametrize(
    ("arm", "seeds"),
    [
        (["dataset.channels=1", "experiment=two_3x3_need_fewer_weights", "model.kernel_size=5"], "0"),
        (["experiment=he_suits_relu", "init=xavier", "model.convs_per_block=[1,1,6]", "optimizer.lr=0.1"], "01"),
        (["experiment=he_keeps_the_variance", "model.convs_per_block=[1,1,6]", "init=he"], "01"),
    ],
)
def test_an_arm_s_command_makes_the_runs_of_a_claim_again(arm, seeds):
    register_resolvers()
    overrides = {seed: (*arm, f"seed={seed}") for seed in seeds}
    runs = tuple(RunRecord(seed, Path(seed), seed=seed, overrides=each) for seed, each in overrides.items())
    command = arm_command(Group("arm", {}, Metric(), runs), Experiment((), (), runs, ()))
    expected = [compose_run("train", each, of_sweep=True)[0] for each in overrides.values()]
    assert _composed(shlex.split(command or "")[3:]) == expected


def test_a_run_that_decides_nothing_is_repeated_so(make_sweep):
    experiment = load([make_sweep({"e": [0.9]}, axes=("experiment",))])
    (group,) = groups_of(experiment, Metric())
    runs = (replace(group.runs[0], overrides=("experiment=e", "claim=null", "seed=0")),)
    command = arm_command(replace(group, runs=runs), experiment) or ""
    assert command.count("claim=null") == 1 and " -m experiment" not in command


def test_what_was_chosen_for_each_arm_is_told_and_where_it_is_at_an_edge(make_sweep):
    chosen = [
        {"labels": {"arm": arm, "depth": depth}, "setting": {"optimizer.lr": lr}, "edge": edge}
        for arm, depth, lr, edge in (("he", "8", "0.1", []), ("xavier", "22", "0.3", ["optimizer.lr"]))
    ]
    tune = {"grid": {"optimizer.lr": ["0.03", "0.1", "0.3"]}, "seeds": ["100"], "chosen": chosen}
    folder = make_sweep({"he,8": [0.9], "xavier,22": [0.8]}, axes=("arm", "depth"), tune=tune)
    assert tuned_in_words(load([folder]), {"8": "8 layers"}) == (
        "Tried: optimizer.lr of 0.03, 0.1, 0.3, on other seeds than those measured. Chosen: he, 8 layers: 0.1; xavier, "
        "depth=22: 0.3 (at the edge); beyond an edge a better one may lie."
    )
    both = {"labels": {"arm": "he"}, "setting": {"optimizer.lr": "0.9", "optimizer.momentum": "0.9"}}
    grid = {"optimizer.lr": ["0.1", "0.9"], "optimizer.momentum": ["0.5", "0.9"]}
    tune = {"grid": grid, "seeds": ["100"], "chosen": [{**both, "edge": ["optimizer.lr"]}]}
    assert tuned_in_words(load([make_sweep({"he": [0.9]}, axes=("arm",), tune=tune, name="both")]), {}) == (
        "Tried: optimizer.lr of 0.1, 0.9 and optimizer.momentum of 0.5, 0.9, on other seeds than those measured. "
        "Chosen: he: lr=0.9 (at the edge), momentum=0.9; beyond an edge a better one may lie."
    )
    assert tuned_in_words(load([make_sweep({"a": [0.9]}, name="other")]), {}) == ""
