"""Folders beside overrides on one command line."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cnnlab.cli.folders import check_can_be_made, check_is_run, check_own, flags_first, named_folder, split_folders
from cnnlab.common.errors import InputError


def test_what_has_no_equals_sign_and_is_no_flag_is_a_folder():
    folders, rest = split_folders(["outputs/ä, b c", "metric=test/loss", "--help", "x", "-m", "'a b'"])
    assert folders == [Path("outputs/ä, b c"), Path("x"), Path("'a b'")]
    assert rest == ["metric=test/loss", "--help", "-m"]


def test_a_folder_that_exists_may_contain_an_equals_sign(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model=a,seed=0").mkdir()
    assert split_folders(["model=a,seed=0", "model=b"]) == ([Path("model=a,seed=0")], ["model=b"])


def test_a_name_that_no_file_system_takes_is_one_that_is_not_there():
    long = "a=" + 300 * "b"
    assert split_folders([long]) == ([], [long])
    with pytest.raises(InputError, match="no such folder"):
        check_own(long)
    with pytest.raises(InputError, match="has no config.yaml"):
        check_is_run(Path(long))


def test_the_value_of_a_flag_is_no_folder():
    folders, rest = split_folders(["--config-dir", "mine", "sweep", "-cn", "other"])
    assert folders == [Path("sweep")] and rest == ["--config-dir", "mine", "-cn", "other"]


def test_a_folder_that_can_be_made_leaves_no_trace(tmp_path):
    check_can_be_made(tmp_path / "a" / "b", "hydra.run.dir")
    check_can_be_made(tmp_path, "hydra.run.dir")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file/inside", "x" * 300, "good/" + "x" * 300])
def test_one_that_cannot_is_told(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"hydra.run.dir=.* cannot be used: .*\nGive another folder"):
        check_can_be_made(tmp_path / name, "hydra.run.dir")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_empty_name_is_no_folder():
    assert named_folder(".", "hydra.run.dir") == Path(".")
    with pytest.raises(InputError, match="hydra.run.dir= names no folder"):
        named_folder("", "hydra.run.dir")


def test_one_in_which_nothing_can_be_written_is_told(tmp_path, monkeypatch):
    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")  # which root, too, cannot write on

    monkeypatch.setattr("tempfile.mkdtemp", read_only)
    with pytest.raises(InputError, match="cannot be used: Read-only file system"):
        check_can_be_made(tmp_path, "hydra.run.dir")


def test_commands_that_look_at_the_same_time_do_not_meet(tmp_path):
    folder = tmp_path / "outputs" / "runs" / "mine"
    with ThreadPoolExecutor(4) as several:
        for look in [several.submit(check_can_be_made, folder, "hydra.run.dir") for _ in range(60)]:
            look.result()
    assert list(tmp_path.iterdir()) == []


def test_flags_may_stand_anywhere():
    assert flags_first(["a=1", "-m", "b=2", "--config-dir", "mine", "c=3"]) == [
        *("-m", "--config-dir", "mine"),
        *("a=1", "b=2", "c=3"),
    ]
    assert flags_first(["a=1", "--cfg", "job"]) == ["--cfg", "job", "a=1"] and flags_first([]) == []


def test_a_run_that_a_program_made_is_told_how_to_be_used(tmp_path):
    (tmp_path / "run.json").touch()
    with pytest.raises(InputError, match=r"as runs of cnnlab.fit.*\n.*load_state_dict\(torch.load\(") as error:
        check_is_run(tmp_path)
    assert f'"{tmp_path}/checkpoints/best.pt"' in str(error.value)
    (tmp_path / "config.yaml").touch()
    check_is_run(tmp_path)


def test_a_place_in_the_folder_of_a_run_is_no_run(tmp_path):
    (tmp_path / "run.json").touch()
    with pytest.raises(InputError, match=f"no run itself. Give {tmp_path}"):
        check_is_run(tmp_path / "checkpoints" / "last.pt")
