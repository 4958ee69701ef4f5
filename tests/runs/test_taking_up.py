"""Runs that can go on, and what to do with those that cannot."""

import json

import pytest

from cnnlab.common.errors import InputError
from cnnlab.runs.changes import config_hash
from cnnlab.runs.taking_up import check_goes_on

CONFIG = "trainer:\n  max_steps: 10\n  epochs: 1\noptimizer:\n  lr: 0.02\n"
LONGER, OTHER = CONFIG.replace("10", "20"), CONFIG.replace("0.02", "0.5")


def _run(folder, status: str, known: str | None = CONFIG) -> None:
    """A run of CONFIG with a checkpoint. `known`: its config.yaml."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.pt").touch()
    (folder / "run.json").write_text(json.dumps({"status": status, "config_hash": config_hash(CONFIG)}))
    if known is not None:
        (folder / "config.yaml").write_text(known)


def _refused(folder, config: str) -> str:
    with pytest.raises(InputError) as told:
        check_goes_on(folder, config)
    assert str(told.value).count("\n") < 5
    return str(told.value)


@pytest.mark.parametrize("status", ["completed", "interrupted"])
def test_other_settings_are_refused_with_what_is_taken_and_how_to_begin_anew(tmp_path, status):
    _run(tmp_path, status)
    told = _refused(tmp_path, OTHER)
    assert "optimizer.lr is 0.02 there and 0.5 now" in told and "trainer.max_steps, trainer.epochs" in told
    assert f"init=checkpoint init.file={tmp_path}/checkpoints/last.pt" in told and "without resume=" in told
    assert "config.yaml" not in told
    assert check_goes_on(tmp_path, LONGER)["status"] == status


def test_settings_that_nobody_typed_differ_where_the_config_was_edited(tmp_path):
    _run(tmp_path, "completed", known=CONFIG.replace("0.02", "0.9"))
    told = _refused(tmp_path, LONGER)
    assert "optimizer.lr is 0.9 there and 0.02 now" in told and "config.yaml there is not as the run wrote it" in told


@pytest.mark.parametrize("known", ["", "other: [", "1"])
def test_a_damaged_config_is_told_and_written_anew_by_the_runs_own_command(tmp_path, known):
    _run(tmp_path, "interrupted", known)
    assert "config.yaml is damaged (" in _refused(tmp_path, LONGER)
    assert check_goes_on(tmp_path, CONFIG)["status"] == "interrupted"


def test_what_is_not_known_is_told_as_such(tmp_path):
    _run(tmp_path, "completed", known=None)
    assert "its config is not known" in _refused(tmp_path, LONGER)
    assert "To train it further" in _refused(tmp_path, CONFIG)


def test_a_run_that_diverged_has_no_weights_to_begin_with(tmp_path):
    _run(tmp_path, "diverged")
    for config in (CONFIG, LONGER, OTHER):
        told = _refused(tmp_path, config)
        assert told.endswith("It diverged, so there is nothing to train further.") and "init=checkpoint" not in told
