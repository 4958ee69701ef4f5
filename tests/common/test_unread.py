"""A command whose output nobody reads on ends as the tools of Unix do: quietly, by SIGPIPE's exit code."""

import io
import os
import shlex
import subprocess
import sys

import pytest

from cnnlab.common.unread import UNREAD, quiet_if_unread


@pytest.fixture
def unread():
    """A stream into a pipe whose other end is closed."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as stream:
        yield stream


# The longer text is written at once, the shorter one when the command ends.
@pytest.mark.parametrize("text", ["short", "long" * 100_000])
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_it_ends_with_the_code_of_a_broken_pipe(name, text, unread, monkeypatch):
    monkeypatch.setattr(sys, name, unread)
    with pytest.raises(SystemExit) as end, quiet_if_unread():
        print(text, file=getattr(sys, name))
    assert end.value.code == UNREAD == 141
    assert getattr(sys, name) is unread
    print("later", file=unread, flush=True)  # as Python does when it exits


def test_it_is_no_exception_that_somebody_might_print(unread, monkeypatch):
    monkeypatch.setattr(sys, "stdout", unread)
    with pytest.raises(SystemExit), quiet_if_unread():
        try:
            print("x", flush=True)
        except Exception:
            pytest.fail("Hydra would print it")


def test_a_broken_pipe_of_something_else_is_a_defect():
    with pytest.raises(BrokenPipeError), quiet_if_unread():
        raise BrokenPipeError


def test_what_is_read_is_all_there(capsys):
    with quiet_if_unread():
        print("one", "two")
        print("three", file=sys.stderr)
        assert not sys.stdout.isatty()
    assert capsys.readouterr() == ("one two\n", "three\n")


@pytest.mark.parametrize(
    "words", [["explain"], ["explain", "dead_units"], ["summary", "--help"], ["predict", "--cfg=job"]]
)
def test_a_command_before_a_closed_pipe(words, unread, tmp_path):
    command = [sys.executable, "-u", "-m", f"cnnlab.{words[0]}", *words[1:]]
    done = subprocess.run(command, stdout=unread, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (UNREAD, "")


def test_signs_that_the_encoding_lacks_are_written_in_ascii(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    with quiet_if_unread():
        print("“a” • 3·x² … ä•✓")
    assert sys.stdout.buffer.getvalue() == b'"a" * 3*x^2 ... \\xe4*\\u2713\n'


def test_letters_that_the_encoding_lacks_are_written_as_numbers(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    with quiet_if_unread():
        print("ä☃ \udce9")
    assert sys.stdout.buffer.getvalue() == b"\\xe4\\u2603 \\udce9\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_whose_streams_the_shell_has_closed(closed, tmp_path):
    words = "model=linear dataset.size=8 trainer.max_steps=1 telemetry=off"
    command = f"exec {sys.executable} -m cnnlab.train -m {words} hydra.sweep.dir=s {closed}"
    assert subprocess.run(["bash", "-c", command], cwd=tmp_path).returncode == 0
    assert (tmp_path / "s" / "seed=0" / "results.json").is_file() and (tmp_path / "s" / "report.html").is_file()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a device that is full")
def test_an_output_that_takes_no_more_is_told_in_a_line(tmp_path):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "cnnlab.explain"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "The output cannot be written: No space left on device.\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_a_command_that_was_started_without_streams(closed, tmp_path):
    """As by a daemon. A library in C writes to number 1, whatever was opened in its place."""
    words = "import os, sys; from cnnlab.common.unread import quiet_if_unread\n"
    words += "with quiet_if_unread(), open('file', 'w') as file:\n"
    words += "  print('x'); print('y', file=sys.stderr); os.write(1, b'C'); os.write(2, b'C'); file.write('whole')"
    command = f"{sys.executable} -c {shlex.quote(words)} {closed}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and "Error" not in done.stderr
    assert (tmp_path / "file").read_text() == "whole"
