"""What a prediction prints: tables, and JSON that says the same."""

import io
import json
from dataclasses import replace
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
    picture = Picture(Path("a/cat.png"), torch.zeros(1, 8, 8, dtype=torch.uint8), ["it is grey"], "unlike the others")
    run = TrainedRun({}, (1, 8, 8), CLASSES, (0.5,), (0.5,), {"border": (0.0, 0.1)})
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
            "unlike": "unlike the others",
        }
    ]
    assert list(read["images"][0]["probabilities"]) == ["dog", "cat"]
    assert read["files"] == [str(tmp_path / "probabilities.png")] and (tmp_path / "probabilities.png").is_file()
    assert printed.err == "a/cat.png is unlike the others.\na/cat.png: it is grey\n"


def test_a_remark_on_many_pictures_stands_once_and_an_older_run_says_what_it_lacks(tmp_path, capsys) -> None:
    pictures = [Picture(Path(f"{i}.png"), torch.zeros(1, 8, 8, dtype=torch.uint8), ["it is grey"]) for i in range(3)]
    run = TrainedRun({}, (1, 8, 8), CLASSES, (0.5,), (0.5,))
    Answers(tmp_path, ConvNet((1, 8, 8), 3, channels=(2,)).eval(), run, pictures, top=2).print_tables()
    first, second = capsys.readouterr().err.splitlines()
    assert first == "0.png and 2 more: it is grey" and "older cnnlab cannot tell" in second


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
    assert "like the training" not in several
    odd = drawn(probabilities_table([one, replace(two, unlike="x")], shares, CLASSES, 2)).splitlines()
    assert "like the training images" in odd[1] and odd[3].split()[-2] == "yes" and odd[4].split()[-2] == "no"
    changes = [
        {"change": "unchanged", "class": "dog", "probabilities": {"dog": 0.95}},
        {"change": "2 px up", "class": "cat", "probabilities": {"cat": 0.6}},
    ]
    assert "2 px up" in drawn(variants_table("one.png", changes))
