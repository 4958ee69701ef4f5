"""What a finished run tells in the terminal, line by line."""

import shlex
from pathlib import Path

import pytest

from cnnlab.diagnosis import Cause, Clue, Finding, Remedy
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder
from cnnlab.views.outcome import command, print_outcome

RESULTS = {
    "test/accuracy": 0.98765432,  # 800 of 810
    "test/images": 810,
    "test/loss": 0.04321,
    "model/parameters": 73658.0,
    "model/macs": 4053504.0,
    "train/steps": 200,
    "time/training_s": 12.34,
}
BIASES = Cause("biases_unsuitable", "the biases", Remedy("init.bias", 0), (Clue(9, "they are -5"),))
DEAD = Finding("dead_units", "problem", 3, "All of conv1 are dead.", (BIASES,))


def lines_of(out: str) -> dict[str, str]:
    """{heading: text} of what was printed; lines without a heading go on with the last."""
    lines: dict[str, str] = {}
    for line in out.splitlines():
        heading, text = line[:15].strip(), line[15:]
        if heading or not lines:
            lines[heading] = text
        else:
            lines[[*lines][-1]] += f" {text}"
    return lines


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """told(folder, findings, status, error, **results): {heading: text} and all that was printed, in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")

    def told(
        folder: Path, findings: tuple[Finding, ...] = (), status: str = "completed", error: str | None = None, **results
    ) -> tuple[dict[str, str], str]:
        run = RunFolder(folder)
        run.status = {"status": status, "error": error}
        added = {key.replace("__", "/"): value for key, value in results.items()}
        print_outcome(run, RESULTS | added, findings, "Healthy. Nothing was found.")
        out = capsys.readouterr().out
        return lines_of(out), out

    return told


def test_a_healthy_run_tells_accuracy_size_time_and_place(told) -> None:
    lines, out = told(Path("outputs/runs/a"))
    assert out.startswith("Healthy. Nothing was found.\n")
    assert lines["status"] == "completed"
    assert (
        lines["test accuracy"] == "98.77 % of 810 test images, 95 % interval 97.74 to 99.33"
        and lines["test loss"] == "0.0432"
    )
    assert lines["network"] == "73,658 parameters; 4,053,504 multiply-adds (MACs) per image"
    assert lines["time"] == "12.3 s for 200 steps, with validation and files"
    assert lines["folder"] == "outputs/runs/a"


def test_what_was_measured_of_the_time_is_added(told) -> None:
    lines, _ = told(Path("a"), time__step_ms=4.567, telemetry__overhead=0.0213, time__pictures_s=1.26)
    assert lines["time"] == (
        "12.3 s for 200 steps, with validation and files; a plain step takes 4.57 ms, and measuring the layers adds "
        "2.1 %; pictures took 1.3 s, partly after that"
    )


def test_a_cost_of_measuring_that_the_scatter_hides_is_not_a_gain(told) -> None:
    lines, _ = told(Path("a"), time__step_ms=4.5, telemetry__overhead=-0.17)
    assert lines["time"].endswith("and measuring the layers adds less than steps differ by")


def test_accuracy_on_changed_images_is_a_table(told) -> None:
    found = {"test/accuracy@shift=2": 0.5, "test/consistency@shift=2": 0.75, "test/changed_images": 40}
    _, out = told(Path("a"), **found)
    assert out.index("shifted by 2 px") > out.index("dashboards") and "50.00 %" in out and "75.00 %" in out


def test_what_is_odd_about_the_data_stands_between_diagnosis_and_accuracy(tmp_path, capsys) -> None:
    run = RunFolder(tmp_path)
    run.status = {"status": "completed", "error": None}
    print_outcome(
        run,
        RESULTS,
        (),
        "Healthy.",
        {"data": ["d: 45 files skipped [x].", "d: no test image of class rare."], "init": []},
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["data           d: 45 files skipped [x].", "data           d: no test image of class rare."]
    assert lines[3].startswith("status")


def test_a_run_that_diverged_says_why_and_what_to_try(told) -> None:
    lines, out = told(Path("a"), (DEAD,), "diverged", "the loss is not finite as of step 3")
    assert lines["status"] == "diverged: the loss is not finite as of step 3"
    assert out.startswith("1. Dead units. All of conv1 are dead.\n") and "try: init.bias=0" in out
    assert "Healthy" not in out and lines["meaning"] == "python -m cnnlab.explain dead_units"


@pytest.mark.parametrize("name", ["run", "a folder with spaces", "quote's", "long_" * 20])
def test_the_command_can_be_copied_whatever_the_folder_is_called(told, tmp_path: Path, name: str) -> None:
    lines, _ = told(tmp_path / "runs" / name)
    assert shlex.split(lines["dashboards"]) == ["python", "-m", "cnnlab.dashboard", f"runs/{name}"]
    assert lines["folder"] == f"runs/{name}"


def test_a_folder_elsewhere_is_named_in_full(told, tmp_path: Path) -> None:
    lines, _ = told(Path("..") / "elsewhere")
    assert lines["folder"] == str(tmp_path.parent / "elsewhere")
    assert lines["dashboards"] == f"python -m cnnlab.dashboard {tmp_path.parent}/elsewhere"


@pytest.mark.parametrize(("status", "colour"), [("completed", "32"), ("diverged", "31"), ("interrupted", "33")])
def test_the_colour_says_how_it_ended(told, monkeypatch, status: str, colour: str) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    _, out = told(Path("a"), (), status)
    assert f"\x1b[{colour}m{status}\x1b[0m" in out


def test_a_command_is_that_of_the_run_with_other_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = ("model=plain", "++model.channels=[8,16]", "optimizer.lr=1", "repair=true")
    request = Request(lines=lines, config_dir=str(tmp_path / "my own"))
    told = command(request, repair=None, **{"optimizer.lr": "0.02"})
    own = ["--config-dir", "my own"]
    expected = ["python", "-m", "cnnlab.train", *own, "model=plain", "++model.channels=[8,16]", "optimizer.lr=0.02"]
    assert shlex.split(told) == expected
    assert command(Request()) == "python -m cnnlab.train"
