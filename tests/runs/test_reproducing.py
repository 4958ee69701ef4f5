"""Two run folders compared number by number, but for times."""

import json

import pytest

from cnnlab.common.errors import InputError
from cnnlab.runs.reproducing import check_images, compare, other_images


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
    """Also one that was stopped before, whose schedule was that of fewer steps as well; not one that took no step."""
    before = [{"steps": 0}, {"steps": 10, "status": "interrupted"}, {"steps": 10, "status": "completed"}]
    one = _write(tmp_path / "a", {"x": 1}, attempts=[*before, {"steps": 20, "status": "failed"}], steps=20)
    found = compare(one, _write(tmp_path / "b", {"x": 2}, attempts=[{"steps": 20}], steps=20))
    assert found.circumstances == {"times it was trained further": (1, 0)}


@pytest.mark.parametrize("name", ["results.json", "metrics.jsonl", "run.json"])
@pytest.mark.parametrize("content", [None, "{"])
def test_a_run_of_which_something_is_missing(tmp_path, name, content):
    one = _write(tmp_path / "a", {})
    if content is None:
        (one / name).unlink()
    elif name.endswith(".json"):
        (one / name).write_text(content)
    else:
        return  # its lines are compared as text
    with pytest.raises(InputError, match=f"{name} cannot be read .* nothing to compare with"):
        compare(one, _write(tmp_path / "b", {}))


def test_other_images_are_told(tmp_path):
    there = {"data/fingerprint": "ab", "train/images": 1200}
    one = _write(tmp_path / "a", {"x": 1, **there})
    check_images(one, there)
    check_images(_write(tmp_path / "older", {"x": 1}), there)
    with pytest.raises(
        InputError, match=r"then 1,200 to train on, with fingerprint ab, now 1,200 to train on, .* cd\.\n"
    ):
        check_images(one, there | {"data/fingerprint": "cd"})


def test_images_are_compared_as_far_as_they_were_noted():
    now = {"data/fingerprint": "cd", "train/images": 1200}
    assert other_images(now | {"x": 1}, now) is other_images({"train/images": 1200}, now) is None
    told = "then 0 to train on, with fingerprint ab, now 1,200 to train on, with fingerprint cd"
    assert other_images({"data/fingerprint": "ab"}, now) == told
