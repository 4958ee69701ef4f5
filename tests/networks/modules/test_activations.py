"""The table of activations is free of torch, and its words are those of the YAML."""

import re
import subprocess
import sys

import pytest
import torch

from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.table import activation_layer


def test_names_are_read_without_torch():
    code = (
        "import sys, cnnlab.networks.modules.activations, cnnlab.networks.modules.poolings\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_comment_of_the_yaml_lists_them(configs):
    text = (configs / "model" / "stacked3x3.yaml").read_text()
    comment = text[text.index("# relu") : text.index("activation: relu")]
    assert re.findall(r"\w+", comment) == list(ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_pieces_are_what_the_module_tends_to(name):
    layer, kind = activation_layer(name).double(), ACTIVATIONS[name]
    pieces = kind.pieces(layer)
    if pieces is None:
        assert name == "softsign"
        return
    far = kind.reach(layer)
    for h in (-1e4, -far, far, 1e4, *((-2.3, -0.4, 0.7, 5.0) if kind.exact else ())):
        piece = next(p for p in pieces if h <= p.upper)
        with torch.no_grad():
            value = layer(torch.tensor([h], dtype=torch.float64)).item()
        assert value == pytest.approx(piece.slope * h + piece.intercept, abs=1e-7)
