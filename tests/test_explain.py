"""`python -m cnnlab.explain` from the command line."""

import subprocess
import sys

import pytest

from cnnlab.diagnosis import pages
from cnnlab.explain import main


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["cnnlab.explain", *arguments])
    main()


def test_alone_it_lists_all_names(monkeypatch, capsys):
    call(monkeypatch)
    printed = capsys.readouterr().out
    assert all(f"{name} " in printed for name in pages.names())


@pytest.mark.parametrize("words", [["dead_units"], ["Dead", "units."], ["Dead units"]])
def test_a_name_prints_its_page(monkeypatch, capsys, words):
    call(monkeypatch, *words)
    printed = capsys.readouterr().out
    assert printed.startswith("dead_units\n") and "python -m cnnlab.train init.bias=-5" in printed


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["dead_units", "--help"]])
def test_help(monkeypatch, capsys, words):
    call(monkeypatch, *words)
    assert capsys.readouterr().out.startswith("python -m cnnlab.explain NAME")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dead_unit"], "Did you mean 'dead_units'?"),
        (["nothing", "like", "it"], "'nothing like it' is no finding and no cause."),
        (["dead_units", "overfitting"], "dead_units and overfitting have a page each, and this command shows one."),
        (["name=dead_units"], "'name=dead_units' is not allowed"),
        (["--full"], "'--full' is not allowed"),
    ],
)
def test_a_mistake_is_named_in_a_few_lines(monkeypatch, capsys, words, message):
    with pytest.raises(SystemExit) as exited:
        call(monkeypatch, *words)
    assert message in str(exited.value.code) and len(str(exited.value.code).splitlines()) <= 5
    assert capsys.readouterr().out == ""


def test_a_mistake_exits_with_1_and_needs_neither_torch_nor_hydra():
    code = "import sys, atexit; atexit.register(lambda: print({'torch', 'hydra', 'numpy'} & set(sys.modules)))\n"
    code += "from cnnlab.explain import main; main()"
    run = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run([*run, "dead_unit"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "set()\n" and "Traceback" not in done.stderr
    done = subprocess.run([*run, "dead_units"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("set()\n") and done.stderr == ""
