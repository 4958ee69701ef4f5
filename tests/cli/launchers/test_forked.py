"""A function called in a fork of the server: its error arrives, as it was raised or as text."""

import multiprocessing
import os
from pathlib import Path

import pytest
from joblib import effective_n_jobs

from cnnlab.cli.launchers.forked import call_forked, warm
from cnnlab.common.errors import InputError

SERVER = multiprocessing.get_context("forkserver")


def refuse(word):
    raise InputError(f"{word} is not allowed.")


def fail(word):
    raise KeyError(word)


def test_it_runs_in_another_process_in_this_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call_forked(SERVER, lambda name: Path(name).write_text(str(os.getpid())), "here")
    assert int((tmp_path / "here").read_text()) != os.getpid()


def test_what_it_returns_arrives():
    assert call_forked(SERVER, sorted, "cab") == ["a", "b", "c"]


def test_a_user_error_is_raised_as_one():
    with pytest.raises(InputError, match="^this is not allowed.$"):
        call_forked(SERVER, refuse, "this")


def test_any_other_error_comes_with_its_traceback():
    with pytest.raises(RuntimeError, match="in fail\n.*\n.*KeyError: 'this'"):
        call_forked(SERVER, fail, "this")


def test_a_process_that_is_gone_is_an_error():
    with pytest.raises(RuntimeError, match="ended with exit code 7"):
        call_forked(SERVER, os._exit, 7)


def workers(file):
    Path(file).write_text(str(effective_n_jobs(2)))


def test_it_may_start_processes_of_its_own(tmp_path):
    """The check of a sweep decodes a folder of pictures, on every core."""
    call_forked(SERVER, workers, str(tmp_path / "n"))
    assert (tmp_path / "n").read_text() == "2"


def test_a_folder_of_temporary_files_with_too_long_a_name_is_told(monkeypatch):
    def bind():
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr("multiprocessing.forkserver.ensure_running", bind)
    with pytest.raises(InputError, match=r"too long a name.*\n.*TMPDIR=/tmp"):
        warm([])
