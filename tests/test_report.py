"""`python -m cnnlab.report` from the command line."""

import subprocess
import sys

import pytest

from cnnlab.report import main


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["cnnlab.report", *arguments])
    main()


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")


@pytest.mark.parametrize("name", ["plain", "with space, comma", "ünïcode 漢字", "a=b,c=[1]", "it's"])
def test_a_sweep_is_reported_whatever_it_is_called(make_sweep, monkeypatch, capsys, name):
    folder = make_sweep({"a": [0.90, 0.91], "b": [0.50, 0.52]}, name=name)
    call(monkeypatch, name)
    assert capsys.readouterr().out.startswith("a beats b by 39.50 points")
    assert (folder / "report.html").is_file() and sorted(p.name for p in folder.parent.iterdir()) == [name]


def test_folders_and_settings_in_any_order(make_sweep, monkeypatch, capsys, tmp_path):
    make_sweep({"a": [{"test/loss": 0.1}, {"test/loss": 0.2}]}, name="x")
    make_sweep({"b": [{"test/loss": 0.5}, {"test/loss": 0.6}]}, name="y")
    call(monkeypatch, "x", "metric=test/loss", "y", "output=here")
    assert capsys.readouterr().out.startswith("a beats b by 0.400 in test loss")
    assert (tmp_path / "here" / "report.md").is_file()


def test_a_folder_that_is_no_sweep_is_listed(make_sweep, monkeypatch, capsys, tmp_path):
    make_sweep({"a": [0.9]}, name="outputs/s")
    call(monkeypatch)
    assert "1 run: 1 completed" in capsys.readouterr().out and not list(tmp_path.rglob("report.*"))
    call(monkeypatch, "outputs", "list=false")
    assert capsys.readouterr().out.startswith("a: 90.00 %") and (tmp_path / "outputs" / "report.md").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nix"], "nix: no such folder"),
        (["empty"], "empty holds no runs"),
        (["s", "metric=test/acuracy"], "Did you mean 'test/accuracy'?"),
        (["s", "list=maybe"], "list=maybe is not allowed"),
        (["s", "metrik=test/loss"], "metrik"),
        (["s", "output=s/sweep.json"], "output=s/sweep.json cannot be used: s/sweep.json is a file"),
    ],
)
def test_a_mistake_is_named_in_a_few_lines(make_sweep, monkeypatch, capsys, tmp_path, arguments, message):
    make_sweep({"a": [0.9]}, name="s")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as exited:
        call(monkeypatch, *arguments)
    error = capsys.readouterr().err
    assert exited.value.code == 1 and message in error and "Traceback" not in error
    assert len(error.splitlines()) <= 5 and not list(tmp_path.rglob("report.*"))


def test_it_needs_no_torch(make_sweep):
    folder = make_sweep({"a": [0.9, 0.8], "b": [0.7]})
    code = "import sys; from cnnlab.report import main; main(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code, str(folder)], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False", done.stderr
