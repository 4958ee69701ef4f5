"""Two run folders compared number by number, but for times."""

import json

import pytest

from cnnlab.common.errors import InputError
from cnnlab.runs.reproducing import compare


def _write(folder, results, rows=("a", "b"), **run):
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "metrics.jsonl").write_text("\n".join(rows))
    (folder / "run.json").write_text(json.dumps({"commit": "c", "versions": {"torch": "1"}, **run}))
    return folder


def test_equal_but_for_times_is_reproduced(tmp_path):
    one = _write(tmp_path / "a", {"test/loss": 0.5, "time/training_s": 1.0, "x": "nan"})
    found = compare(one, _write(tmp_path / "b", {"test/loss": 0.5, "time/training_s": 9.0, "x": "nan"}))
    assert found.same and found.of == (2, 2) and found.circumstances == {}


def test_what_differs_is_told_with_what_may_be_why(tmp_path):
    one = _write(tmp_path / "a", {"test/loss": 0.5, "gone": 1}, ("a", "b", "c"))
    other = _write(tmp_path / "b", {"test/loss": 0.6}, ("a", "B"), versions={"torch": "2"})
    found = compare(one, other)
    assert not found.same and found.results == {"test/loss": (0.5, 0.6), "gone": (1, None)} and found.steps == 2
    assert found.circumstances == {"torch": ("1", "2")}


def test_a_run_that_was_trained_further_is_told(tmp_path):
    one = _write(tmp_path / "a", {"x": 1}, attempts=[{"status": "interrupted"}, {"status": "completed"}])
    found = compare(one, _write(tmp_path / "b", {"x": 2}, attempts=[]))
    assert found.circumstances == {"times it was trained further": (1, 0)}


def test_a_run_without_results(tmp_path):
    one = _write(tmp_path / "a", {})
    (one / "results.json").unlink()
    with pytest.raises(InputError, match="nothing to compare with"):
        compare(one, _write(tmp_path / "b", {}))
