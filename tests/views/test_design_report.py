"""What a summary prints and leaves: a sheet or a comparison, JSON and figures."""

import json
import math
from pathlib import Path

import pytest
from PIL import Image

from cnnlab.designs.make import Designs, Model, make
from cnnlab.networks.convnet import ConvNet
from cnnlab.theory import Expectation, Expected
from cnnlab.theory.expectation import ExpectedLayer
from cnnlab.theory.theory_report import TheoryReport
from cnnlab.views.design_report import draw_designs, print_designs, print_files, write_designs

SHAPE = (1, 12, 12)
UNKNOWN = Expected(math.nan, math.nan, math.nan)
LOGITS = ExpectedLayer(1.0, 1.0, 0.0, math.nan, Expected(0.84, 0.5, 1.3), None, UNKNOWN)
KNOWN = TheoryReport("he", 64, Expectation({"01_logits": LOGITS}))
NONE = TheoryReport("lsuv", 64, None, "this initializer is data-dependent")
FACTS = {"dataset": "digits", "theory": {"seed": 3, "init": {"gain": 1.0}}}


def found(*kernel_sizes: int, match: str | None = None) -> Designs:
    models = {
        f"k{size}": Model(
            {"kernel_size": size, "channels": [4], "convs_per_block": 1}, lambda knobs: ConvNet(SHAPE, 10, **knobs)
        )
        for size in kernel_sizes
    }
    return make(models, SHAPE, match)


@pytest.fixture
def printed(capsys, monkeypatch):
    """printed(designs, theory): the lines in a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def printed(designs: Designs, theory: TheoryReport | None = None) -> list[str]:
        print_designs(designs, "digits: 1x12x12", theory, full=False)
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= 80
        return lines

    return printed


def test_one_design_is_a_sheet_and_several_are_compared(printed) -> None:
    one, two = printed(found(3)), printed(found(3, 5))
    assert one[0] == "k3 on digits: 1x12x12" and two[0] == "k3, k5 on digits: 1x12x12"
    compared = "Same receptive field: no."
    assert any(line.split()[:1] == ["conv1"] for line in one) and compared not in one
    assert compared in two and any(line.split()[:2] == ["k3", "k5"] for line in two)


def test_a_narrow_terminal_breaks_lines_and_no_number_is_cut(printed, monkeypatch) -> None:
    usual = [printed(found(3)), printed(found(3, 5))]
    monkeypatch.setenv("COLUMNS", "40")
    assert [printed(found(3)), printed(found(3, 5))] == usual and "…" not in "".join(usual[0])


def test_what_matching_changed_is_told_before_the_table(printed) -> None:
    designs = found(3, 5, match="macs")
    said = " ".join(" ".join(printed(designs)).split())
    assert len(designs.sentences) == 1 and "k5 has channels=" in said
    assert said.index("k5 has channels=") < said.index("Same receptive field")


@pytest.mark.parametrize(
    ("theory", "last"),
    [
        (None, None),
        (KNOWN, "Theory before the first step, init=he on 64 training images"),
        (NONE, "No theory for init=lsuv here: this initializer is data-dependent."),
    ],
)
def test_theory_comes_last_where_it_was_asked_for(printed, theory, last) -> None:
    lines = printed(found(3), theory)
    about = [i for i, line in enumerate(lines) if "heory" in line]
    assert [lines[i] for i in about] == ([last] if last else [])
    assert all(i > next(j for j, line in enumerate(lines) if "parameters" in line) for i in about)


@pytest.mark.parametrize("theory", [None, KNOWN, NONE])
def test_the_file_holds_facts_knobs_and_rows(theory, tmp_path: Path) -> None:
    designs = found(3, 5, match="macs")
    path = write_designs(tmp_path, designs, theory, FACTS)
    written = json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(word))
    assert path == tmp_path / "design.json" and written["dataset"] == "digits"
    assert list(written["designs"]) == ["k3", "k5"]
    assert written["designs"]["k5"]["model"]["channels"] == list(designs.models["k5"].knobs["channels"]) != [4]
    for size in (3, 5):
        sheet = written["designs"][f"k{size}"]
        (c_out, _, k, _) = designs.models[f"k{size}"].network().get_parameter("block1.conv1.weight").shape
        conv = next(row for row in sheet["rows"] if row["kind"] == "convolution")
        assert conv["weights"] == c_out * k * k and k == size
        assert sheet["parameters"] == sum(row["weights"] + row["biases"] for row in sheet["rows"])
    if theory is None:
        assert written["theory"] is None
    else:
        assert (written["theory"]["seed"], written["theory"]["images"]) == (3, 64)
        assert written["theory"]["does_not_apply"] == (theory.reason or None)
        expected = written["theory"]["expected"]
        assert expected.get("preactivation/std/01_logits", {}).get("value") == (0.84 if theory is KNOWN else None)


@pytest.mark.parametrize(("theory", "names"), [(None, ["design"]), (NONE, ["design"]), (KNOWN, ["design", "theory"])])
def test_theory_has_a_figure_only_where_it_applies(theory, names: list[str], tmp_path: Path) -> None:
    drawn = draw_designs(tmp_path / "figures", found(3), theory)
    assert drawn == [tmp_path / "figures" / f"{name}.png" for name in names]
    for path in drawn:
        with Image.open(path) as picture:
            assert picture.format == "PNG" and picture.width > 400


def test_files_are_named_as_they_can_be_opened_from_here(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    print_files([tmp_path / "here" / "outputs" / "design.json", tmp_path / "elsewhere" / "design.png"])
    assert capsys.readouterr().out.splitlines() == ["outputs/design.json", f"{tmp_path}/elsewhere/design.png"]
