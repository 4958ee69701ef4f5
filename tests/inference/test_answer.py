import io
import json
import math
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.inference.answer import probabilities, ranked, record, table, variants_table
from cnnlab.inference.prepare import Picture
from cnnlab.networks.convnet import ConvNet

CLASSES = ("cat", "dog", "emu")


def test_probabilities_against_one_picture_and_plain_python() -> None:
    network = ConvNet((1, 8, 8), 3, channels=[4]).eval()
    pixels = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    shares = probabilities(network, pixels, (0.3,), (0.2,), batch_size=2)
    for picture, row in zip(pixels, shares, strict=True):
        logits = network((picture[None].double() / 255 - 0.3).float() / 0.2)[0].tolist()
        powers = [math.exp(value) for value in logits]
        assert row.tolist() == pytest.approx([p / sum(powers) for p in powers], rel=1e-5)
    torch.testing.assert_close(shares.sum(1), torch.ones(5, dtype=torch.float64))


def test_a_diverged_network_is_told() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    nn.init.constant_(network[1].get_parameter("weight"), torch.nan)
    with pytest.raises(InputError, match="diverged"):
        probabilities(network, torch.zeros(1, 1, 2, 2, dtype=torch.uint8), (0.0,), (1.0,))


def test_ranked_sorts_and_keeps_the_order_of_equals() -> None:
    shares = torch.tensor([0.25, 0.5, 0.25])
    assert ranked(shares, CLASSES, 2) == [("dog", 0.5), ("cat", 0.25)]
    assert [name for name, _ in ranked(shares, CLASSES, 9)] == ["dog", "cat", "emu"]


def test_record_is_json_in_falling_order() -> None:
    picture = Picture(Path("a/cat.png"), torch.zeros(1, 2, 2), ["it is grey"])
    read = json.loads(json.dumps(record(picture, torch.tensor([0.05, 0.95, 0.0]), CLASSES, 2)))
    assert read == {
        "image": "a/cat.png",
        "class": "dog",
        "probabilities": {"dog": pytest.approx(0.95), "cat": pytest.approx(0.05)},
        "words": ["it is grey"],
    }
    assert list(read["probabilities"]) == ["dog", "cat"]


def drawn(what: object) -> str:
    console = Console(width=100, file=io.StringIO())
    console.print(what)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_tables_hold_what_they_should() -> None:
    one, two = (Picture(Path(name), torch.zeros(1, 2, 2)) for name in ("one.png", "two.png"))
    shares = torch.tensor([[0.05, 0.95, 0.0], [0.7, 0.2, 0.1]])
    single = drawn(table([one], shares[:1], CLASSES, 2))
    assert "dog" in single and "0.9500" in single and "emu" not in single
    several = drawn(table([one, two], shares, CLASSES, 2))
    assert "0.95 dog" in several and "0.70 cat" in several and "3rd" not in several
    changes = [
        {"change": "unchanged", "class": "dog", "probabilities": {"dog": 0.95}},
        {"change": "2 px up", "class": "cat", "probabilities": {"cat": 0.6}},
    ]
    assert "2 px up" in drawn(variants_table("one.png", changes))
