"""Sweeps and runs below folders, each once."""

import json
from pathlib import Path

import pytest

from cnnlab.claims.find_runs import find, is_one_experiment, run_folders
from cnnlab.common.errors import InputError


def test_jobs_of_a_sweep_are_there_whether_they_ran_or_not(make_sweep):
    sweeps, alone = find([make_sweep({"a": [0.9, "queued"], "b": ["failed"]})])
    assert [run.state for run in sweeps[0].runs()] == ["completed", "queued", "failed"] and alone == []
    assert [run.labels for run in sweeps[0].runs()] == [{"model": "a"}, {"model": "a"}, {"model": "b"}]


def test_sweeps_and_single_runs_below_a_folder_are_found_once(make_sweep, write_run, tmp_path):
    make_sweep({"a": [0.9]}, name="outputs/sweeps/ä, b c")
    write_run(tmp_path / "outputs" / "runs" / "x", 0.5)
    sweeps, alone = find([tmp_path / "outputs", tmp_path / "outputs" / "sweeps"])
    assert [sweep.folder.name for sweep in sweeps] == ["ä, b c"] and [run.name for run in alone] == ["runs/x"]
    assert sorted(path.name for path in run_folders(tmp_path)) == ["a,seed=0", "x"]


def test_what_is_one_experiment_and_what_collects_several(make_sweep, write_run, tmp_path):
    assert is_one_experiment(make_sweep({"a": [0.9]}, name="o/s"))
    assert is_one_experiment(write_run(tmp_path / "o" / "r", 0.5)) and not is_one_experiment(tmp_path / "o")
    (tmp_path / "o" / "multirun.yaml").touch()
    assert is_one_experiment(tmp_path / "o")


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(InputError, match="holds no runs"):
        find([tmp_path])
    with pytest.raises(InputError, match="no such folder"):
        find([tmp_path / "nix"])


def test_a_sweep_file_of_another_version_or_cut_is_refused(make_sweep):
    folder = make_sweep({"a": [0.9]})
    (folder / "sweep.json").write_text(json.dumps({"version": 2}))
    with pytest.raises(InputError, match="version 2"):
        find([folder])
    for content in ("{", "", "[]", "{}", '{"version": 1}'):
        (folder / "sweep.json").write_text(content)
        with pytest.raises(InputError, match="cannot be read|has version None"):
            find([folder])


def test_a_name_that_no_file_system_takes_is_one_that_is_not_there():
    with pytest.raises(InputError, match="no such folder"):
        find([Path(300 * "a")])


@pytest.mark.parametrize("place", ["checkpoints", "checkpoints/last.pt"])
def test_a_place_in_the_folder_of_a_run_is_told_to_be_one(write_run, tmp_path, place):
    run = write_run(tmp_path / "r", 0.5)
    (run / "checkpoints").mkdir(exist_ok=True)
    (run / "checkpoints" / "last.pt").touch()
    with pytest.raises(InputError, match=f"is in the folder of a run, and no run itself. Give {run}"):
        find([run / place])
