"""What a prediction prints: tables, and JSON that says the same."""

import io
import json
from pathlib import Path

import pytest
import torch
from rich.console import Console

from cnnlab.inference.prepare import Picture
from cnnlab.networks.convnet import ConvNet
from cnnlab.runs.trained import TrainedRun
from cnnlab.views.answers import Answers, probabilities_table, variants_table

CLASSES = ("cat", "dog", "emu")


def test_json_names_the_classes_in_falling_order(tmp_path, capsys) -> None:
    picture = Picture(Path("a/cat.png"), torch.zeros(1, 8, 8, dtype=torch.uint8), ["it is grey"])
    run = TrainedRun({}, (1, 8, 8), CLASSES, (0.5,), (0.5,))
    answers = Answers(tmp_path, ConvNet((1, 8, 8), 3, channels=(2,)).eval(), run, [picture], top=2)
    answers.shares = torch.tensor([[0.05, 0.95, 0.0]])
    answers.draw_probabilities()
    answers.print_json("outputs/runs/x", "last")
    printed = capsys.readouterr()
    read = json.loads(printed.out)
    assert read["images"] == [
        {
            "image": "a/cat.png",
            "class": "dog",
            "probabilities": {"dog": pytest.approx(0.95), "cat": pytest.approx(0.05)},
            "words": ["it is grey"],
        }
    ]
    assert list(read["images"][0]["probabilities"]) == ["dog", "cat"]
    assert read["files"] == [str(tmp_path / "probabilities.png")] and (tmp_path / "probabilities.png").is_file()
    assert printed.err == "a/cat.png: it is grey\n"


def drawn(what: object) -> str:
    console = Console(width=100, file=io.StringIO())
    console.print(what)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_tables_hold_what_they_should() -> None:
    one, two = (Picture(Path(name), torch.zeros(1, 2, 2)) for name in ("one.png", "two.png"))
    shares = torch.tensor([[0.05, 0.95, 0.0], [0.7, 0.2, 0.1]])
    single = drawn(probabilities_table([one], shares[:1], CLASSES, 2))
    assert "dog" in single and "0.9500" in single and "emu" not in single
    several = drawn(probabilities_table([one, two], shares, CLASSES, 2))
    assert "0.95 dog" in several and "0.70 cat" in several and "3rd" not in several
    changes = [
        {"change": "unchanged", "class": "dog", "probabilities": {"dog": 0.95}},
        {"change": "2 px up", "class": "cat", "probabilities": {"cat": 0.6}},
    ]
    assert "2 px up" in drawn(variants_table("one.png", changes))
