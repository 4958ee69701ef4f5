"""Names of runs in the dashboards, and what is left out."""

from cnnlab.views.dashboard.chosen_runs import choose
from cnnlab.views.report.sweep_report import publish


def test_a_sweep_shows_its_runs_by_what_they_differ_in_and_its_means(make_sweep):
    folder = make_sweep({"a": [0.9, 0.8], "b": [0.7, "queued"]})
    publish(folder)
    chosen = choose([folder])
    assert chosen.runs == ["a,seed=0", "a,seed=1", "b,seed=0"], "one never began, and the report is no run"
    assert chosen.means == ["mean of a", "mean of b"] and chosen.levels == {"model": ("a", "b")}
    assert chosen.folders["mean of b"] == folder / "arms" / "b" and chosen.folders["a,seed=1"] == folder / "a,seed=1"


def test_a_run_alone_has_the_name_of_its_folder(write_run, tmp_path):
    run = write_run(tmp_path / "outputs" / "runs" / "x", 0.5)
    assert choose([run]).folders == {"x": run} and choose([run]).levels == {}


def test_runs_of_a_folder_are_named_below_it_and_nothing_else_is_shown(make_sweep, write_run, tmp_path):
    write_run(tmp_path / "outputs" / "runs" / "x", 0.5)
    make_sweep({"a": [0.9]}, name="outputs/sweeps/s")
    (tmp_path / "outputs" / "predict" / "y").mkdir(parents=True)
    assert choose([tmp_path / "outputs"]).runs == ["runs/x", "sweeps/s/a,seed=0"]


def test_runs_of_several_folders_are_told_apart(make_sweep):
    folders = [make_sweep({"a": [0.9]}, name=name) for name in ("one", "two")]
    chosen = choose(folders)
    assert chosen.runs == ["one/a,seed=0", "two/a,seed=0"] and chosen.levels == {}
