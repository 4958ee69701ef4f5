"""`check=`: a run folder like any other, with what was found, and nothing for what cannot be tried."""

import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from cnnlab.cli.compose import compose_run
from cnnlab.common.errors import InputError
from cnnlab.runs.run_folder import read_metrics
from cnnlab.training.checking import check, passed

SMALL = ["dataset.size=8", "model.channels=[8]", "model.convs_per_block=1"]


def _checked(folder, *overrides: str, pictures: bool = False):
    config, request, _ = compose_run("train", [*SMALL, *overrides])
    return check(config, request, folder, pictures, show=False)


def test_one_batch_leaves_a_run_folder_with_both_ways(tmp_path):
    results = _checked(tmp_path / "run", "check=one_batch", "seed=3", pictures=True)
    assert results == json.loads((tmp_path / "run" / "results.json").read_text())
    status = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (status["status"], status["seed"], status["error"]) == ("completed", 3, None)
    assert passed(results) and results["check/one_batch/learned"] and results["check/one_batch/reference/learned"]
    assert results["check/one_batch/images"] == 64 and results["model/parameters"] > 0
    rows = read_metrics(tmp_path / "run")
    own = [row["check/one_batch/loss"] for row in rows if "check/one_batch/loss" in row]
    assert len(own) == results["check/one_batch/steps"] and own[0] == results["check/one_batch/first_loss"]
    assert own[-1] == results["check/one_batch/last_loss"] and len(rows) == status["steps"]
    assert (tmp_path / "run" / "figures" / "check.png").is_file()
    events = EventAccumulator(str(tmp_path / "run")).Reload()
    assert [e.value for e in events.Scalars("check/one_batch/loss")] == pytest.approx(own)
    assert "pictures/check" in events.Tags()["images"]


@pytest.mark.parametrize("setting, usual, drawn", [("auto", True, True), ("false", True, False), ("true", False, True)])
def test_pictures_are_drawn_as_in_a_training_run(tmp_path, setting, usual, drawn):
    _checked(tmp_path / "run", "check=one_batch", f"telemetry.pictures={setting}", pictures=usual)
    assert (tmp_path / "run" / "figures" / "check.png").is_file() is drawn


def test_a_check_equals_itself_and_depends_on_the_seed(tmp_path):
    found = [_checked(tmp_path / str(i), "check=one_batch", f"seed={seed}") for i, seed in enumerate((1, 1, 2))]
    assert found[0] == found[1] != found[2]


def test_a_setup_that_does_not_learn_does_not_pass_and_the_reference_tells_why(tmp_path):
    results = _checked(tmp_path / "run", "check=one_batch", "optimizer.lr=1e-6")
    assert not passed(results) and results["check/one_batch/reference/learned"]
    assert not (tmp_path / "run" / "figures").exists()
    zeros = _checked(tmp_path / "zeros", "check=one_batch", "init=zeros")
    assert not zeros["check/one_batch/reference/learned"]


def test_the_range_test_suggests_a_rate_whatever_the_runs_own_is(tmp_path):
    tried = [
        _checked(tmp_path / lr, "check=range_test", f"optimizer.lr={lr}", pictures=True) for lr in ("1e-6", "0.02")
    ]
    assert [results.pop("check/range_test/rate") for results in tried] == [1e-6, 0.02]
    assert tried[0] == tried[1] and passed(tried[0])
    assert 1e-3 < tried[0]["check/range_test/best"] < tried[0]["check/range_test/largest"]
    rows = read_metrics(tmp_path / "0.02")
    assert rows[0]["check/range_test/lr"] == pytest.approx(1e-6) and len(rows) == tried[0]["check/range_test/steps"]
    assert (tmp_path / "0.02" / "figures" / "check.png").is_file()


def test_no_rate_for_a_network_without_weights_that_learn(tmp_path):
    results = _checked(tmp_path / "run", "check=range_test", "init=zeros")
    assert results["check/range_test/best"] is None and not passed(results)


def test_a_run_without_steps_can_be_checked(tmp_path):
    assert passed(_checked(tmp_path / "run", "check=one_batch", "trainer.max_steps=0"))


class Uncopied(nn.Linear):
    """Its attribute was computed from a weight, so torch refuses to copy it."""

    def __init__(self, image_shape, classes):
        super().__init__(image_shape[1] * image_shape[2], classes)
        self.computed = self.weight + 0

    def forward(self, x):
        return super().forward(x.flatten(1))


def test_what_cannot_be_tried_is_told_in_words_and_by_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnlab.cli.parts.build_network", lambda *_: Uncopied((1, 8, 8), 10))
    with pytest.raises(InputError, match="check=one_batch is not possible here: it cannot be copied"):
        _checked(tmp_path / "run", "check=one_batch")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"


def test_it_prints_the_outcome(tmp_path, capsys):
    config, request, _ = compose_run("train", [*SMALL, "check=one_batch"])
    check(config, request, tmp_path / "run", pictures=False)
    assert capsys.readouterr().out.startswith("one batch      learned by heart, all of 64 images")
