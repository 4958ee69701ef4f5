"""The zoo's page, and the second methods behind it on cases whose answer is known."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnnlab.theory import Expected
from zoo_parts import oracles
from zoo_parts.cell import Cell
from zoo_parts.checks import agreement, check
from zoo_parts.networks import PUBLISHED, Specimen
from zoo_parts.odd import ODD
from zoo_parts.table import page

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "zoo.md").read_text()


def test_the_page_lists_every_network():
    assert re.findall(r"^\| (.*?) \|", PAGE, re.MULTILINE)[1:] == [
        *("---", *PUBLISHED, "network", "---", *ODD),
    ]


def test_no_cell_of_the_page_is_wrong():
    assert [line for line in PAGE.splitlines() if "**WRONG**" in line] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the networks' own
@pytest.mark.parametrize("name", PUBLISHED | ODD)
def test_nothing_is_wrong(name):
    cells = check((PUBLISHED | ODD)[name])
    assert {column: cell.notes for column, cell in cells.items() if cell.kind == "wrong"} == {}


def test_cells_that_share_a_note_share_its_number():
    row = {
        "layers": Cell("1"),
        "theory": Cell("refused", "unknown", ("a sum",)),
        "MACs": Cell("2", "partly", ("a sum",)),
    }
    text = page({"Some": {"net": row}}, 1.5)
    assert "| net | 1 | refused <sup>1</sup> | 2 <sup>1</sup> |" in text and "1. a sum\n" in text
    assert "1 networks, 3 cells: 1 checked, 1 checked as far as they go" in text


def test_a_prediction_is_wrong_beyond_its_band_by_half():
    predicted = {"activation/std/01_a": Expected(1.0, 0.8, 1.2), "gradient/std/01_a": Expected(torch.nan, 0.0, 0.0)}
    assert agreement(predicted, {"activation/std/01_a": 1.1}) == Cell(
        "0.10, 100%", "partly", ("1 number: not predicted",)
    )
    assert agreement(predicted, {"activation/std/01_a": 1.7}).text == "0.53, 0%"
    for value in (1.9, 0.5, 0.0, torch.nan):
        assert agreement(predicted, {"activation/std/01_a": value}).kind == "wrong"
    assert agreement(predicted | {"gradient/std/01_a": Expected(1.0, 0.8, 1.2)}, {}, ["gradient/std/01_a"]).notes == (
        "activation/std/01_a: predicted 1, not measured",
    )
    assert agreement(predicted, {}).notes == ("activation/std/01_a: predicted 1, not measured",)


def test_what_cnnlab_raises_is_wrong_and_what_the_script_raises_ends_it():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.calls = nn.Conv2d(3, 5, 3), 0

        def forward(self, x):
            self.calls += 1
            if not self.training:
                raise ValueError("no evaluation")  # in cnnlab's trace
            return self.conv(x).mean((2, 3))

    cells = check(Specimen(lambda classes: Broken(), (3, 8, 8)))
    assert cells["statistics"].kind == "checked"
    assert cells["receptive field"].notes == ("raises ValueError: no evaluation",)
    with pytest.raises(ZeroDivisionError):
        check(Specimen(lambda classes: nn.Conv2d(3, 1 // 0, 3)))


def test_the_extent_of_a_field_by_hand():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 2, (1, 3)))
    found = oracles.field_seen(network, 1 + torch.rand(1, 1, 12, 12))
    # cell (2, 1) of a map of 5 x 3: lines 4 to 5, columns 2 to 7 of the convolution's map
    assert found == (((4, 7), (2, 9)), ((0, 11), (0, 11)), (2, 1), (5, 3))


@pytest.mark.filterwarnings("ignore")  # the trace's
def test_macs_of_what_fvcore_lacks_by_hand():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.gru = nn.Conv2d(2, 4, 3, padding="same", bias=False), nn.GRU(4, 3, batch_first=True)

        def forward(self, x):
            h = self.conv(x).flatten(2).transpose(1, 2)
            return self.gru(F.scaled_dot_product_attention(h, h, h))[0]

    expected = 25 * 4 * 2 * 9 + 2 * 25 * 25 * 4 + 25 * 3 * 3 * (4 + 3)
    assert oracles.macs_counted(Net(), torch.zeros(1, 2, 5, 5)) == expected


def test_bytes_by_hand():
    network = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3))
    expected = 4 * (2 * 64 + 4 * 64)  # the image and relu's result; the logits are not kept
    assert oracles.bytes_in_nodes(network, torch.zeros(1, 2, 8, 8)) == expected
    assert oracles.bytes_allocated(network, (1, 2, 8, 8)) == expected


def test_tied_parameters_count_once():
    assert oracles.parameters_counted(ODD["tied weights"].made()) == 3 * 8 * 9 + 8 + 8 * 8 * 9 + 8 + 8 + 8 * 5 + 5
