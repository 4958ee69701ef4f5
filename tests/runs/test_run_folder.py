"""RunFolder: run.json never lies, numbers survive JSON, a second run does not overwrite the first."""

import errno
import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from cnnlab.common.errors import InputError
from cnnlab.runs.run_folder import RunFolder, mark_interrupted, plain, read_metrics, size_on_disk, write_text


def _status(folder) -> dict:
    return json.loads((folder / "run.json").read_text())


def test_a_run_that_ends_says_completed(tmp_path):
    with RunFolder(tmp_path / "a").opened("seed: 1\n", seed=1):
        assert _status(tmp_path / "a")["status"] == "running"
    status = _status(tmp_path / "a")
    assert status["status"] == "completed" and status["seed"] == 1 and status["finished"] >= status["started"]
    assert (tmp_path / "a" / "config.yaml").read_text() == "seed: 1\n"


@pytest.mark.parametrize(
    "error, says", [(RuntimeError("boom"), "failed"), (KeyboardInterrupt(), "interrupted"), (SystemExit(3), "failed")]
)
def test_a_run_that_breaks_says_how(tmp_path, error, says):
    with pytest.raises(type(error)), RunFolder(tmp_path).opened(""):
        raise error
    assert _status(tmp_path)["status"] == says
    assert says == "interrupted" or type(error).__name__ in _status(tmp_path)["error"]


def test_a_diverged_run_is_not_completed(tmp_path):
    with RunFolder(tmp_path).opened("") as run:
        run.diverged("the loss is nan")
    assert _status(tmp_path)["status"] == "diverged" and "nan" in _status(tmp_path)["error"]


def test_an_interruption_may_say_why(tmp_path):
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path).opened(""):
        raise KeyboardInterrupt("out of time")
    assert _status(tmp_path)["status"] == "interrupted" and _status(tmp_path)["error"] == "out of time"


def test_a_killed_run_is_marked_and_no_other(tmp_path):
    assert not mark_interrupted(tmp_path, "gone") and list(tmp_path.iterdir()) == []
    with RunFolder(tmp_path).opened("", seed=3):
        assert mark_interrupted(tmp_path, "gone")
        killed = _status(tmp_path)
        assert killed["status"] == "interrupted" and killed["error"] == "gone" and killed["seed"] == 3
        assert killed["finished"] >= killed["started"] and not mark_interrupted(tmp_path, "again")
    before = _status(tmp_path)
    assert before["status"] == "completed" and not mark_interrupted(tmp_path, "gone") and _status(tmp_path) == before


CONFIG = "trainer:\n  max_steps: 10\n  epochs: 1\nlr: 1\n"
LONGER, OTHER = CONFIG.replace("10", "20"), CONFIG.replace("lr: 1", "lr: 2")


def _interrupted(folder) -> None:
    with pytest.raises(KeyboardInterrupt), RunFolder(folder).opened(CONFIG) as run:
        run.log(0, 0, {"train/loss": 1.0})
        raise KeyboardInterrupt


@pytest.mark.parametrize("other", [CONFIG, OTHER])
def test_a_folder_holds_one_run(tmp_path, other):
    with RunFolder(tmp_path).opened(CONFIG):
        pass
    with pytest.raises(InputError, match="already holds a run") as told, RunFolder(tmp_path).opened(other):
        pass
    assert "To train it further" not in str(told.value), "it has no checkpoint, as a check has none"
    assert (tmp_path / "config.yaml").read_text() == CONFIG and _status(tmp_path)["status"] == "completed"


def test_a_run_that_ended_goes_on_if_it_is_to_have_more_steps(tmp_path):
    with RunFolder(tmp_path).opened(CONFIG):
        (tmp_path / "checkpoints").mkdir()
        (tmp_path / "checkpoints" / "last.pt").touch()
    with pytest.raises(InputError, match="To train it further: resume="), RunFolder(tmp_path).opened(CONFIG):
        pass
    with RunFolder(tmp_path).opened(LONGER) as run:
        assert run.resumed
    assert (tmp_path / "config.yaml").read_text() == LONGER
    assert [attempt["status"] for attempt in _status(tmp_path)["attempts"]] == ["completed"]


def test_a_run_that_was_stopped_goes_on_with_its_own_settings_only(tmp_path):
    _interrupted(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.pt").touch()
    with pytest.raises(InputError, match="lr is 1 there and 2 now"), RunFolder(tmp_path).opened(OTHER):
        pass
    with RunFolder(tmp_path).opened(CONFIG) as run:
        assert run.resumed and (tmp_path / "metrics.jsonl").exists()


def test_a_run_that_cannot_be_taken_up_stays_as_it_was(tmp_path):
    with RunFolder(tmp_path).opened(CONFIG) as run:
        run.planned(10)
        (tmp_path / "checkpoints").mkdir()
        (tmp_path / "checkpoints" / "last.pt").touch()
    before = {name: (tmp_path / name).read_text() for name in ("run.json", "config.yaml")}
    with pytest.raises(InputError, match="other images"), RunFolder(tmp_path).opened(LONGER) as run:
        run.planned(20)
        raise InputError("other images")
    assert {name: (tmp_path / name).read_text() for name in before} == before
    with pytest.raises(InputError, match="broke later"), RunFolder(tmp_path).opened(LONGER) as run:
        run.goes_on()
        raise InputError("broke later")
    assert _status(tmp_path)["status"] == "failed" and len(_status(tmp_path)["attempts"]) == 1


def test_a_run_goes_on_with_its_images_elsewhere(tmp_path):
    here, there = (f"{CONFIG}dataset:\n  root: {root}\n" for root in ("data", "moved"))
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path).opened(here):
        (tmp_path / "checkpoints").mkdir()
        (tmp_path / "checkpoints" / "last.pt").touch()
        raise KeyboardInterrupt
    with RunFolder(tmp_path).opened(there) as run:
        assert run.resumed and (tmp_path / "config.yaml").read_text() == there


def test_without_a_checkpoint_it_begins_anew(tmp_path):
    _interrupted(tmp_path)
    with RunFolder(tmp_path).opened(CONFIG) as run:
        assert not run.resumed and not (tmp_path / "metrics.jsonl").exists()


def test_killed_before_its_config_was_written_it_begins_anew(tmp_path):
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path).opened(CONFIG):
        (tmp_path / "config.yaml").unlink()
        raise KeyboardInterrupt
    with RunFolder(tmp_path).opened(CONFIG):
        assert (tmp_path / "config.yaml").read_text() == CONFIG


def test_one_that_took_no_step_begins_anew_with_more(tmp_path):
    """It has neither optimizer nor schedule; and what it left is not taken for the longer run's."""
    with RunFolder(tmp_path).opened(CONFIG) as run:
        run.planned(0)
        run.log(0, 0, {"train/loss": 1.0})
        run.write_results({"test/accuracy": 0.1})
        (tmp_path / "checkpoints").mkdir()
        (tmp_path / "checkpoints" / "last.pt").touch()
    with RunFolder(tmp_path).opened(LONGER) as run:
        assert not run.resumed and sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == [
            "config.yaml",
            "run.json",
        ]


def test_a_diverged_run_is_not_given_more_steps(tmp_path):
    with RunFolder(tmp_path).opened(CONFIG) as run:
        run.diverged("the loss is nan")
    with pytest.raises(InputError, match="nothing to train further"), RunFolder(tmp_path).opened(LONGER):
        pass
    assert (tmp_path / "config.yaml").read_text() == CONFIG


def test_a_damaged_run_is_told(tmp_path):
    _interrupted(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with (
        pytest.raises(InputError, match="cannot go on: its run.json"),
        RunFolder(tmp_path).opened(CONFIG),
    ):
        pass
    assert (tmp_path / "metrics.jsonl").exists() and not mark_interrupted(tmp_path, "gone")


def test_plain_python_is_not_told_of_settings(tmp_path):
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path).opened(None):
        raise KeyboardInterrupt
    with (
        pytest.raises(InputError, match=r"interrupted\.\nGive another folder"),
        RunFolder(tmp_path).opened(None),
    ):
        pass


def test_of_two_that_begin_at_once_one_runs(tmp_path):
    """Without a lock, both do in every round."""
    for round in range(5):
        folder, gate = tmp_path / str(round), Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            ended = list(pool.map(lambda _, folder=folder, gate=gate: _begin(folder, gate), range(2)))
        assert sorted(ended) == ["is being run", "ran"]


def _begin(folder, gate) -> str:
    run = RunFolder(folder)
    gate.wait()
    try:
        with run.opened(CONFIG):
            gate.wait(5)
    except InputError as error:
        assert "is being run" in str(error)
        gate.wait(5)
        return "is being run"
    return "ran"


def test_a_run_that_runs_is_left_alone(tmp_path):
    with RunFolder(tmp_path).opened(CONFIG):
        with pytest.raises(InputError, match="is being run by process"), RunFolder(tmp_path).opened(CONFIG):
            pass
        assert _status(tmp_path)["status"] == "running"


def test_files_that_are_not_a_runs_are_not_overwritten(tmp_path):
    (tmp_path / "config.yaml").write_text("mine")
    with (
        pytest.raises(InputError, match="config.yaml that is not of a run"),
        RunFolder(tmp_path).opened(CONFIG),
    ):
        pass
    assert (tmp_path / "config.yaml").read_text() == "mine" and not (tmp_path / "run.json").exists()


def test_a_log_is_cut_to_what_it_was(tmp_path):
    run = RunFolder(tmp_path)
    run.log(0, 0, {"x": 1.0})
    size = run.sizes("metrics.jsonl", "nothing")
    run.log(1, 0, {"x": 2.0})
    assert run.cut("metrics.jsonl", size["metrics.jsonl"]) == [{"step": 0, "epoch": 0, "x": 1.0}]
    with pytest.raises(InputError, match="was changed since"):
        run.cut("metrics.jsonl", 10_000)
    assert size.keys() == {"metrics.jsonl"} and RunFolder(tmp_path / "new").cut("metrics.jsonl", 0) == []


def test_a_full_disk_is_told_in_words_and_in_run_json(tmp_path, monkeypatch):
    run = RunFolder(tmp_path)
    with (
        pytest.raises(InputError, match=r"No space left .* MiB are free.*\n.* when there is: .*resume="),
        run.opened(CONFIG),
    ):
        monkeypatch.setattr("cnnlab.runs.run_folder.write_json", _full)
        _full()
    status = _status(tmp_path)
    assert status["status"] == "failed" and "No space left" in status["error"]


def _full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_that_may_not_grow_further_is_told_with_its_folder(tmp_path):
    says, run = (
        rf"in {tmp_path} would be larger than `ulimit -f`.*\n.* once that is allowed: .*resume=",
        RunFolder(tmp_path),
    )
    with pytest.raises(InputError, match=says), run.opened(CONFIG):
        raise OSError(errno.EFBIG, "File too large")
    assert "ulimit -f" in _status(tmp_path)["error"]


def test_metrics_come_back_as_numbers_without_a_line_cut_short(tmp_path):
    run = RunFolder(tmp_path)
    run.log(0, 0, {"train/loss": 2.5})
    run.log(1, 0, {"train/loss": math.inf, "x": math.nan})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "tra')
    first, second = read_metrics(tmp_path)
    assert first == {"step": 0, "epoch": 0, "train/loss": 2.5}
    assert second["train/loss"] == math.inf and math.isnan(second["x"])


def test_json_stays_json():
    text = json.dumps(plain({"a": math.nan, "b": -math.inf, "c": 1.0, "d": "x"}), allow_nan=False)
    assert text == '{"a": "nan", "b": "-inf", "c": 1.0, "d": "x"}'


def test_a_files_size_is_that_of_what_a_power_failure_leaves(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    (tmp_path / "log").write_text("four")
    assert size_on_disk(tmp_path / "log") == 4 and synced == [(tmp_path / "log").stat().st_ino]
    write_text(tmp_path / "text", "x")
    assert synced[1:] == [(tmp_path / "text").stat().st_ino]


@pytest.mark.parametrize("damaged", ['{"step": 2, "lo', "[]", '{"step": null}', "\x00\x00"])
def test_metrics_are_read_up_to_what_is_damaged(tmp_path, damaged):
    (tmp_path / "metrics.jsonl").write_text(f'{{"step": 1}}\n{damaged}\n{{"step": 3}}\n')
    assert read_metrics(tmp_path) == [{"step": 1.0}]
