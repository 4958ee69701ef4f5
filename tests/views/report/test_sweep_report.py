"""The files of a report."""

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnnlab.common.errors import InputError
from cnnlab.telemetry.by_depth import LOGARITHMIC
from cnnlab.views.report.sweep_report import publish


def test_a_report_is_three_files_and_an_arm_each(make_sweep, capsys):
    folder = make_sweep({"a": [0.9, 0.8], "b": [0.7, "failed"], "c": ["queued"]})
    before = {path.name for path in folder.iterdir()}
    assert [path.name for path in publish(folder)] == ["report.csv", "report.md", "report.html"]
    assert {path.name for path in folder.iterdir()} - before == {"report.csv", "report.md", "report.html", "arms"}
    assert len(pd.read_csv(folder / "report.csv")) == 5
    assert sorted(path.name for path in (folder / "arms").iterdir()) == ["a", "b"]
    assert "report.html" in capsys.readouterr().out
    events = EventAccumulator(str(folder / "arms" / "a")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("Accuracy/validation")] == [
        (10, pytest.approx(1 / 3)),
        (20, pytest.approx(2 / 3)),
    ]
    tags = events.Tags()["scalars"]
    assert {
        f"band/{LOGARITHMIC}/activation_std_log10@init/low",
        f"{LOGARITHMIC}/activation_std_log10_predicted@init",
    } <= {*tags}
    depth = [(e.step, e.value) for e in events.Scalars(f"{LOGARITHMIC}/gradient_std_log10@init")]
    assert depth == [(1, pytest.approx(-2)), (2, pytest.approx(-1))]


def test_a_second_report_replaces_the_first(make_sweep):
    folder = make_sweep({"a": [0.9, 0.8], "b": [0.7]})
    publish(folder)
    publish(folder, metric="test/loss")
    assert "test loss" in (folder / "report.md").read_text()
    assert len(list((folder / "arms" / "a").iterdir())) == 1


def test_arms_of_one_run_each_are_not_drawn_twice(make_sweep):
    folder = make_sweep({"a": [0.9], "b": [0.7]})
    publish(folder)
    assert not (folder / "arms").exists() and "/arms" not in (folder / "report.html").read_text()


def test_several_sweeps_have_a_report_of_their_own(make_sweep, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [make_sweep({"a": [0.9]}, name="x, ä"), make_sweep({"b": [0.7]}, name="y")]
    written = publish(*folders)
    assert {path.parent.as_posix() for path in written} == {"outputs/reports/x, ä+y"}
    assert not (folders[0] / "report.md").exists()
    assert publish(*folders, output=tmp_path / "here")[0].parent == tmp_path / "here"


def test_a_wrong_metric_writes_nothing(make_sweep):
    folder = make_sweep({"a": [0.9]})
    with pytest.raises(InputError):
        publish(folder, metric="nix")
    assert not (folder / "report.md").exists()


def test_a_place_that_takes_no_files_is_told(make_sweep, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written to .*file/x: Not a directory.\n.*output=FOLDER"):
        publish(make_sweep({"a": [0.9]}), output=tmp_path / "file" / "x")
