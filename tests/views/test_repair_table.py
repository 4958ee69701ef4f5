"""The table of a repair, and how it ends."""

import pytest

from cnnlab.views.repair_table import announce, print_repair


def _round(override: str, kept: bool | None, **changes):
    usual = {"folder": ".", "status": "completed", "error": None, "loss": 2.3, "accuracy": 0.1, "images": 200}
    return {"override": override, "kept": kept, **usual, **changes}


def _content(*rounds, **changes):
    usual = {"steps": 200, "kept": [], "healthy": False, "left": ["small_updates"], "accuracy": [0.1, 0.1]}
    return {"rounds": rounds, "command": None, **usual, **changes}


@pytest.fixture
def told(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    def told(content) -> list[str]:
        print_repair(content)
        return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]

    return told


def test_each_change_has_a_line_and_the_command_comes_last(told):
    worse, better = _round("model.norm=batch", False), _round("optimizer.lr=0.02", True, loss=0.21, accuracy=0.95)
    command = "python -m cnnlab.train 'model.channels=[8]' optimizer.lr=0.02"
    end = {"kept": ["optimizer.lr=0.02"], "healthy": True, "accuracy": [0.1, 0.95], "command": command}
    lines = told(_content(_round("", None), worse, better, **end))
    assert lines[0] == "tried, 200 steps validation loss accuracy 95 % interval kept"
    assert lines[2:5] == [  # Wilson's, of 20 and of 190 of 200
        "as it was 2.3 10.00 % 6.57 to 14.94",
        "model.norm=batch 2.3 10.00 % 6.57 to 14.94 no",
        "optimizer.lr=0.02 0.21 95.00 % 91.04 to 97.26 yes",
    ]
    assert lines[5] == "Loss and accuracy are of the 200 validation images."
    assert lines[7] == "Helped: optimizer.lr=0.02. Accuracy 10.00 % to 95.00 %; the diagnosis is healthy."
    assert lines[8] == f"try {command}"


def test_what_was_refused_or_diverged_says_why(told):
    refused = _round("model.norm=batch", False, status="refused", error="no setting [x].", loss="nan", accuracy="nan")
    diverged = _round("", None, status="diverged", error="not finite as of step 3", loss="nan", accuracy=0.0)
    lines = told(_content(diverged, refused))
    assert lines[2] == "as it was diverged not finite as of step 3"
    assert lines[3] == "model.norm=batch refused no: no setting [x]."
    assert lines[-1] == "Nothing helped: none of 1 change made validation accuracy better by more than chance."


def test_a_run_that_no_longer_diverges_is_told_as_that(told):
    diverged = _round("", None, status="diverged", error="not finite as of step 3", loss="nan", accuracy=0.0)
    end = {"kept": ["optimizer.lr=1"], "accuracy": [0.0, 0.3], "command": "x"}
    lines = told(_content(diverged, _round("optimizer.lr=1", True), **end))
    assert "Accuracy of a run that diverged to 30.00 %" in lines[-2]


@pytest.mark.parametrize(
    "content, words",
    [
        (_content(_round("", None), healthy=True, left=[]), "Nothing to repair: the diagnosis is healthy."),
        (_content(_round("", None)), "Nothing to try: no advice of the diagnosis is a setting that can be typed."),
        (
            _content(_round("", None), _round("a=1", True), kept=["a=1"], command="x"),
            "Helped: a=1. Accuracy 10.00 % to 10.00 %; what is left: small updates.",
        ),
    ],
)
def test_the_end_says_plainly_how_it_stands(told, content, words):
    assert words in told(content)


def test_a_brief_run_is_announced(capsys):
    announce(0, "", 300)
    announce(1, "init=he", 1)
    assert capsys.readouterr().err.splitlines() == ["repair 0: as it was, 300 steps", "repair 1: init=he, 1 step"]
