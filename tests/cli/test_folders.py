"""Folders beside overrides on one command line."""

from pathlib import Path

from cnnlab.cli.folders import split_folders


def test_what_has_no_equals_sign_and_is_no_flag_is_a_folder():
    folders, rest = split_folders(["outputs/ä, b c", "metric=test/loss", "--help", "x", "-m", "'a b'"])
    assert folders == [Path("outputs/ä, b c"), Path("x"), Path("'a b'")]
    assert rest == ["metric=test/loss", "--help", "-m"]


def test_a_folder_that_exists_may_contain_an_equals_sign(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model=a,seed=0").mkdir()
    assert split_folders(["model=a,seed=0", "model=b"]) == ([Path("model=a,seed=0")], ["model=b"])


def test_the_value_of_a_flag_is_no_folder():
    folders, rest = split_folders(["--config-dir", "mine", "sweep", "-cn", "other"])
    assert folders == [Path("sweep")] and rest == ["--config-dir", "mine", "-cn", "other"]
