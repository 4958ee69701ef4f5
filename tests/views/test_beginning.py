"""What a run says before its first step."""

import io

from rich.console import Console

from cnnlab.views import beginning
from cnnlab.views.beginning import print_beginning, run_in_words, waiting_for

FACTS = {
    **{"weights": 148442, "layers": 1, "data": "digits", "images": [1078, 360, 359], "shape": (1, 8, 8)},
    **{"classes": 10, "steps": 51, "steps_per_epoch": 17, "batch_size": 64, "device": "cpu, 2 threads"},
}


def test_the_run_in_three_sentences():
    chosen = {"model": "stacked3x3", "init": "he", "optimizer": "sgd", "scheduler": "one_cycle"}
    assert run_in_words(FACTS, chosen) == {
        "network": "stacked3x3, init=he: 148,442 weights and biases in 1 layer",
        "data": "digits: 1,078 images to train on, 360 to validate, 359 to test, 1x8x8, 10 classes",
        "training": "51 steps of 64 images, 3 epochs, optimizer=sgd, scheduler=one_cycle, on cpu, 2 threads",
    }


def test_of_a_run_from_plain_python_nothing_is_guessed():
    found = run_in_words(FACTS, {})
    assert found["network"].startswith("148,442") and "sgd" not in found["training"]


def test_it_is_quiet_where_nobody_looks(monkeypatch, capsys):
    print_beginning({"network": "x"})
    with waiting_for("y"):
        pass
    assert capsys.readouterr() == ("", "")
    screen = io.StringIO()
    monkeypatch.setattr(beginning, "Console", lambda **_: Console(file=screen, force_terminal=True, highlight=False))
    print_beginning({"network": "[x]"})
    assert "[x]" in screen.getvalue()
