"""What README.md shows is what comes out: its tree, its Python, its printed blocks."""

import os
import re
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from cnnlab.datasets.digits import digits
from cnnlab.datasets.look import ranges
from cnnlab.inference.prepare import prepare
from cnnlab.networks.convnet import ConvNet

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "cnnlab"
TEXT = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
RUN = re.findall(r"A single run, .*?```text\n(.*?)```", TEXT, re.DOTALL)
# Many steps make much of the last places, which are the processor's: their numbers are not compared.
TRAINED = re.compile("check=|repair=true")
CONSOLE = dict(re.findall(r"```console\n\$ (.*?)\n(.*?)```", TEXT, re.DOTALL))


def test_the_tree_is_the_tree():
    block = TEXT[TEXT.index("```text\nconfigs/") :].partition("```text\n")[2].partition("```")[0]
    inside = re.findall(r"^  (\S+)", block, re.MULTILINE)
    folders = {f"{p.name}/" for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert set(inside) == folders | {p.name for p in SOURCE.glob("*.py")} and len(inside) == len(set(inside))
    for name in re.findall(r"^(\S+)", block, re.MULTILINE):
        assert (ROOT / name).is_dir(), name


def test_the_python_blocks_run_in_their_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    data = digits(size=8)
    network = ConvNet(data.shape, 10, channels=(4, 8))
    names = {
        "network": network,
        "criterion": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(network.parameters(), lr=0.02),
        "x": torch.randn(16, 1, 8, 8),
        "y": torch.arange(16) % 10,
        "data": data,
    }
    own_loop, others = PYTHON
    exec(own_loop, names)
    printed = capsys.readouterr().out
    assert "'activation/std/01_block1.conv1'" in printed and "Nothing harmful" in printed
    small = others.replace("(3, 32, 32)", "(1, 8, 8)").replace('"init=xavier"', '"init=xavier", "trainer.max_steps=2"')
    exec(small, names)
    assert "activation memory" in capsys.readouterr().out
    assert "theory" in names and names["results"]["train/steps"] == 2
    assert (tmp_path / "outputs" / "mine" / "results.json").is_file()
    assert names["facts"].classes == data.classes


@pytest.mark.parametrize("command", CONSOLE)
def test_a_printed_block_is_what_the_command_prints(command, tmp_path, run_command):
    assert command.startswith("python -m cnnlab.")
    done = run_command(*command.split()[1:], cwd=tmp_path, env={**os.environ, "COLUMNS": "80"})
    printed = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
    shown = CONSOLE[command].splitlines()
    if TRAINED.search(command):
        words = _without_numbers(CONSOLE[command].partition("\n...")[0])
        assert words in _without_numbers("\n".join(printed)), words
        return
    for line in shown:
        if line == "...":
            break
        start = line.removesuffix(", ...")
        assert any(start == p or (line != start and p.startswith(start)) for p in printed), line


def test_a_single_run_ends_as_shown_but_for_numbers(tmp_path, run_command):
    """These are of the reader's machine and of its number of threads."""
    done = run_command("-m", "cnnlab.train", cwd=tmp_path, env={**os.environ, "COLUMNS": "80"})
    printed, (block,) = _without_numbers(done.stdout), RUN
    parts = [part.strip() for part in _without_numbers(block).split("...") if part.strip()]
    assert len(parts) == 2 and all(part in printed for part in parts)


def test_a_white_page_is_told_as_shown(tmp_path):
    (shown,) = re.findall(r"```text\n(page\.png is .*?), \.\.\.\n```", TEXT)
    data = digits()
    Image.new("L", data.shape[1:], 255).save(tmp_path / "page.png")
    page = prepare(tmp_path / "page.png", data.shape, ranges(data.train.images))
    assert f"page.png is {page.unlike}".startswith(shown)


def _without_numbers(text: str) -> str:
    """And of lines that may be broken elsewhere."""
    return " ".join(re.sub(r"\d[\d.,e-]*", "#", text).split())


def test_every_choice_of_a_table_is_a_yaml_and_every_yaml_is_named():
    for group in ("model", "dataset", "augmentation", "telemetry", "evaluation"):
        for path in (ROOT / "configs" / group).glob("*.yaml"):
            assert f"`{path.stem}`" in TEXT, path
    for path in (ROOT / "configs" / "init").glob("*.yaml"):
        base = path.stem.removesuffix("_normal").removesuffix("_uniform")
        assert f"`{path.stem}`" in TEXT or f"`{base}`" in TEXT, path


def test_every_activation_is_named():
    from cnnlab.networks.modules.activations import ACTIVATIONS

    row = next(line for line in TEXT.splitlines() if line.startswith("| activation |"))
    assert re.findall(r"`(\w+)`", row.partition("model.activation=")[2].partition("|")[2]) == list(ACTIVATIONS)
