"""Runs of one or several folders: their table, labels, and runs that count once."""

import pandas as pd
import pytest

from cnnlab.claims.experiment import load


def test_the_table_has_a_row_a_run_and_reads_back(make_sweep, tmp_path):
    experiment = load([make_sweep({"a": [0.9, "queued"], "b": [("diverged", 0.1), "failed"]})])
    experiment.table.to_csv(tmp_path / "x.csv", index=False)
    table = pd.read_csv(tmp_path / "x.csv")
    assert list(table.model) == ["a", "a", "b", "b"] and list(table.seed) == [0, 1, 0, 1]
    assert list(table.status) == ["completed", "queued", "diverged", "failed"]
    assert table["test/accuracy"].tolist()[:3:2] == [0.9, 0.1] and table["test/accuracy"].isna().tolist()[1::2] == [
        1,
        1,
    ]
    assert table.error[3] == "ValueError: failed" and not [name for name in table if "conv1" in name]


def test_runs_of_the_tune_stage_are_kept_apart(make_sweep):
    folder = make_sweep({"a": [0.9, 0.8]})
    text = (folder / "sweep.json").read_text()
    (folder / "sweep.json").write_text(text.replace('"stage": "measure"', '"stage": "tune"', 1))
    experiment = load([folder])
    assert len(experiment.measured) == 1 and len(experiment.table) == 2


def test_several_sweeps_are_grouped_over_their_union(make_sweep):
    first, second = make_sweep({"a": [0.9]}, name="x"), make_sweep({"a": [0.8], "b": [0.7]}, name="y")
    experiment = load([first, second])
    assert [(run.labels, run.value("test/accuracy")) for run in experiment.measured] == [
        ({"model": "a"}, 0.9),
        ({"model": "a"}, 0.8),
        ({"model": "b"}, 0.7),
    ]


def test_what_two_sweeps_differ_in_besides_their_axes_is_an_axis_of_both(make_sweep, tmp_path):
    folders = [make_sweep({"a": [0.9]}, name="x"), make_sweep({"a": [0.8]}, name="y")]
    run = folders[1] / "a,seed=0" / "run.json"
    run.write_text(run.read_text().replace('"digits"', '"mnist"'))
    assert [run.labels for run in load(folders).measured] == [
        {"model": "a", "dataset": "digits"},
        {"model": "a", "dataset": "mnist"},
    ]


def test_an_axis_of_one_sweep_is_read_from_the_settings_of_the_other(make_sweep, write_run, tmp_path):
    sweep = make_sweep({"a": [0.9]})
    single = write_run(tmp_path / "single", 0.5, choices={"model": "b", "dataset": "digits"})
    assert [run.labels for run in load([sweep, single]).measured] == [{"model": "a"}, {"model": "b"}]


def test_a_run_that_two_sweeps_share_counts_once(make_sweep, write_run, tmp_path):
    folders = [make_sweep({"a": [0.9, 0.8]}, name="x"), make_sweep({"a": [0.9]}, name="y")]
    run = folders[1] / "a,seed=0" / "run.json"
    run.write_text(run.read_text().replace("ya,seed=0", "xa,seed=0"))
    experiment = load(folders)
    assert len(experiment.measured) == 2 and [run.stage for run in experiment.repeats] == ["repeat"]


def test_two_arms_of_equal_settings_are_two_arms(make_sweep):
    folder = make_sweep({"default": [0.9], "written out": [0.9]}, axes=("arm",))
    for run in folder.glob("*/run.json"):
        run.write_text(run.read_text().replace("written out", "default"))
    assert [run.labels["arm"] for run in load([folder]).measured] == ["default", "written out"]


def test_runs_without_a_sweep_file_differ_in_their_settings(write_run, tmp_path):
    for seed in (0, 1):
        for lr in (0.1, 0.2):
            config, folder = f"optimizer: {{lr: {lr}}}\nseed: {seed}", tmp_path / "runs" / f"{lr} {seed}"
            write_run(folder, 0.5, config=config, seed=seed, overrides={"optimizer.lr": lr, "seed": seed})
    experiment = load([tmp_path / "runs"])
    assert experiment.axes == ("optimizer.lr",)
    assert sorted(run.labels["optimizer.lr"] for run in experiment.measured) == ["0.1", "0.1", "0.2", "0.2"]


@pytest.mark.parametrize("paired", [True, False])
def test_pairing_is_what_the_sweep_said(make_sweep, paired):
    assert load([make_sweep({"a": [0.9]}, paired=paired)]).paired == paired
