"""A run as its folder tells of it."""

import json
import math

import pytest

from cnnlab.claims.run_record import RunRecord, is_finite, is_of_a_layer, read_run


def test_a_run_has_status_results_and_settings(write_run, tmp_path):
    run = read_run(write_run(tmp_path / "a", 0.9, config="optimizer: {lr: 0.1}", overrides={"model": "x"}), "a")
    assert (run.state, run.seed, run.overrides) == ("completed", "0", ("model=x",))
    assert run.value("test/accuracy") == 0.9 and run.value("no/such") is None
    assert run.config == {"optimizer": {"lr": 0.1}} and [row["step"] for row in run.history] == [10, 20]


def test_what_a_sweep_says_comes_first(write_run, tmp_path):
    run = read_run(write_run(tmp_path / "a", 0.9, overrides={"x": 1}), "a", seed="7", overrides=["y=2"], stage="tune")
    assert (run.seed, run.overrides, run.stage) == ("7", ("y=2",), "tune")


def test_numbers_that_json_lacks_are_numbers_and_words_are_not(write_run, tmp_path):
    write_run(tmp_path / "a", {"test/loss": "nan", "model/x": "-inf", "diagnosis/first": "nonfinite", "flag": True})
    run = read_run(tmp_path / "a", "a")
    assert math.isnan(run.value("test/loss")) and run.value("model/x") == -math.inf
    assert run.value("diagnosis/first") is None and run.value("flag") is None
    assert is_finite(0.0) and not is_finite(None) and not is_finite(math.nan)


def test_a_job_that_never_ran_is_queued_and_knows_its_planned_config(tmp_path):
    run = read_run(tmp_path / "nothing", "nothing", planned="seed: 3")
    assert run.state == "queued" and run.config == {"seed": 3} and run.results == {} and run.history == []


def test_what_cannot_be_read_is_damaged(write_run, tmp_path):
    for name, spoil in {"cut": "{", "list": "[]", "empty": "{}"}.items():
        write_run(tmp_path / name, 0.9)
        (tmp_path / name / "run.json").write_text(spoil)
        assert read_run(tmp_path / name, name).state == "damaged"
    lost = read_run(write_run(tmp_path / "lost"), "lost")
    assert lost.state == "damaged" and "results.json" in lost.reason
    cut = write_run(tmp_path / "cut results", 0.9)
    (cut / "results.json").write_text(json.dumps({"a": 1})[:-2])
    assert read_run(cut, "cut").state == "damaged"


def test_a_run_without_files_is_a_record_all_the_same(tmp_path):
    assert RunRecord("a", tmp_path, status={"status": "failed", "error": "ValueError: x"}).reason == "ValueError: x"


def test_values_of_layers_and_filters_are_told_apart():
    assert is_of_a_layer("activation/std/03_block2.conv1@end") and is_of_a_layer("first_layer/cosine/003")
    assert not is_of_a_layer("test/accuracy@shift=04") and not is_of_a_layer("model/saved_bytes")


@pytest.mark.parametrize("content", ["[]", "3", "null", '"text"', "{", "\x00"])
def test_results_that_are_no_object_are_damaged(write_run, tmp_path, content):
    (write_run(tmp_path / "a", 0.9) / "results.json").write_text(content)
    run = read_run(tmp_path / "a", "a")
    assert (run.state, dict(run.results)) == ("damaged", {})


def test_a_run_whose_run_json_is_damaged_has_no_result_besides(write_run, tmp_path):
    (write_run(tmp_path / "a", 0.9) / "run.json").write_text("[]")
    run = read_run(tmp_path / "a", "a")
    assert run.state == "damaged" and run.value("test/accuracy") is None


@pytest.mark.parametrize("content", ["[]", "{", "a: [", "just words"])
def test_a_config_that_cannot_be_read_is_not_known(write_run, tmp_path, content):
    assert read_run(write_run(tmp_path / "a", 0.9, config=content), "a").config == {}
