"""The command as typed; as a process of its own where time and imports count."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from torch import nn

from cnnlab import summary
from cnnlab.datasets.base import normalize
from cnnlab.datasets.digits import digits
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.theory import expected, fill_moments

Run = Callable[..., tuple[str, str, int]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("model=linear")` -> (stdout, stderr, exit code), in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def command(*arguments: str) -> tuple[str, str, int]:
        monkeypatch.setattr(sys, "argv", ["summary.py", *arguments])
        code = 0
        try:
            summary.main()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        said = capsys.readouterr()
        return said.out, said.err, code

    return command


def test_the_sheet_is_printed_and_written(run: Run, tmp_path: Path) -> None:
    out, err, code = run("model=single5x5", "dataset=cifar10")
    assert (err, code) == ("", 0)
    assert out.startswith("single5x5 on cifar10: 3x32x32, 10 classes\n")
    assert out.splitlines()[-1] == "outputs/summary/single5x5_cifar10/design.json"
    assert max(map(len, out.splitlines())) <= 80
    folder = tmp_path / "outputs/summary/single5x5_cifar10"
    assert [p.name for p in folder.iterdir()] == ["design.json"]  # no .hydra, no log, nothing downloaded
    assert not (tmp_path / "data").exists()
    written = json.loads((folder / "design.json").read_text())
    assert (written["dataset"], written["classes"]) == ("cifar10", 10)
    sheet = written["designs"]["single5x5"]
    assert sheet["model"]["kernel_size"] == 5
    assert [row["weights"] for row in sheet["rows"] if row["kind"] == "convolution"] == [1200, 12800]
    assert sheet["macs"] == sum(row["macs"] for row in sheet["rows"])
    assert sheet["measured"] is None


def test_measure_and_plot_add_what_they_say(run: Run, tmp_path: Path) -> None:
    out, _, code = run("measure=true", "plot=true", "hydra.run.dir=here")
    assert code == 0
    assert out.splitlines()[-2:] == ["here/design.json", "here/design.png"]
    sheet = json.loads((tmp_path / "here/design.json").read_text())["designs"]["stacked3x3"]
    assert sheet["measured"] == {row["name"]: row["saved_bytes"] for row in sheet["rows"] if row["saved_bytes"]}
    assert (tmp_path / "here/design.png").stat().st_size > 5_000


def test_designs_side_by_side_with_the_users_other_settings(run: Run, tmp_path: Path) -> None:
    out, _, code = run("compare=[stacked3x3,single5x5]", "dataset=cifar10", "model.channels=[16]")
    assert code == 0
    assert "2,736" in out and "1,200 (0.44x)" in out and "18 c²" in out and "25 c² (1.39x)" in out
    written = json.loads((tmp_path / "outputs/summary/stacked3x3_single5x5_cifar10/design.json").read_text())
    assert [d["model"]["channels"] for d in written["designs"].values()] == [[16], [16]]
    assert [d["receptive_field"] for d in written["designs"].values()] == [[6, 6], [6, 6]]


def test_matching_changes_the_others_and_says_so(run: Run, tmp_path: Path) -> None:
    assert run("compare=[single7x7,stacked3x3]")[2] == 0
    out, _, code = run("compare=[single7x7,stacked3x3]", "match=receptive_field")
    assert code == 0
    alone = tmp_path / "outputs/summary/single7x7_stacked3x3_digits/design.json"
    assert json.loads(alone.read_text())["match"] is None  # it has a file of its own
    here = tmp_path / "outputs/summary/single7x7_stacked3x3_digits_same_receptive_field"
    assert f"hydra.sweep.dir=outputs/sweeps/{here.name}" in out
    assert "stacked3x3 has convs_per_block=3 instead of 2" in out
    assert "Same receptive field: yes" in out
    written = json.loads((here / "design.json").read_text())
    assert written["match"] == "receptive_field"
    assert written["designs"]["stacked3x3"]["model"]["convs_per_block"] == 3


def test_a_sweep_writes_a_sheet_a_job(run: Run, tmp_path: Path) -> None:
    _, _, code = run("-m", "model=linear,plain", "dataset=digits,mnist", "hydra.sweep.dir=all")
    assert code == 0
    sheets = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.glob("all/*/design.json"))
    assert len(sheets) == 4


def test_theory_is_that_of_the_network_that_training_would_begin_with(run: Run, tmp_path: Path) -> None:
    out, err, code = run("theory=true", "init=xavier_normal", "dataset.size=8", "model.channels=[8,8]", "plot=true")
    assert (err, code) == ("", 0)
    folder = Path("outputs/summary/stacked3x3_digits_xavier_normal")
    assert out.splitlines()[-3:] == [str(folder / name) for name in ("design.json", "design.png", "theory.png")]
    assert max(map(len, out.splitlines())) <= 80
    assert (tmp_path / folder / "theory.png").stat().st_size > 5_000

    data = digits(size=8)
    network = ConvNet((1, 8, 8), 10, channels=(8, 8), convs_per_block=2)
    initialize(network, nn.init.xavier_normal_)
    batch = normalize(data.train.images[:64], data.mean, data.std)
    theory = expected(network, batch, moments=fill_moments(network, nn.init.xavier_normal_)).by_key()
    written = json.loads((tmp_path / folder / "design.json").read_text())["theory"]
    assert (written["seed"], written["images"], written["does_not_apply"]) == (0, 64, None)
    assert (written["init"]["gain"], written["init"]["bias"]) == (1.0, 0.0)
    assert written["expected"].keys() == theory.keys()
    for key, values in theory.items():
        assert written["expected"][key] == pytest.approx(asdict(values), rel=1e-9), key
    row = next(line for line in out.splitlines() if line.startswith("02_block1.conv2")).split()
    assert float(row[1]) == pytest.approx(theory["activation/std/02_block1.conv2"].value, rel=0.05)
    assert float(row[5]) == pytest.approx(theory["gradient/std/02_block1.conv2"].value, rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["model.activation=softsign", "init=normal"],
            "No theory for init=normal here: there is no formula for block1.activation1 (Softsign).",
        ),
        (["init=lsuv"], "No theory for init=lsuv here: this initializer is data-dependent"),
    ],
)
def test_where_theory_does_not_apply_it_says_why(run: Run, tmp_path: Path, arguments: list[str], reason: str) -> None:
    out, err, code = run("theory=true", "plot=true", "dataset.size=8", "hydra.run.dir=here", *arguments)
    assert (err, code) == ("", 0)
    assert reason in " ".join(out.split()) and "layer          output" in out
    written = json.loads((tmp_path / "here/design.json").read_text())["theory"]
    assert written["expected"] == {} and written["does_not_apply"] in " ".join(out.split())
    assert sorted(p.name for p in (tmp_path / "here").iterdir()) == ["design.json", "design.png"]


def test_initializers_side_by_side_are_a_sweep(run: Run, tmp_path: Path) -> None:
    _, _, code = run("-m", "theory=true", "init=he,zeros", "model=linear", "dataset.size=8", "hydra.sweep.dir=all")
    assert code == 0
    sheets = {p.parent.name: json.loads(p.read_text())["theory"] for p in tmp_path.glob("all/*/design.json")}
    values = [sheet["expected"]["preactivation/std/01_head.logits"]["value"] for sheet in sheets.values()]
    assert len(values) == 2 and min(values) == 0 and max(values) > 0.5


def test_only_theory_reads_images(run: Run, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        (tmp_path / "pets" / name / "a.png").write_text("no image")
    pets = ["dataset=image_folder", "dataset.root=pets", "dataset.size=16"]
    out, err, code = run(*pets, "theory=true")
    assert (out, code) == ("", 1)
    assert "a.png" in err and 1 <= len(err.splitlines()) <= 5
    assert [p.name for p in tmp_path.iterdir()] == ["pets"]
    out, err, code = run(*pets)
    assert (err, code) == ("", 0)
    assert "Theory" not in out
    assert json.loads((tmp_path / "outputs/summary/stacked3x3_image_folder/design.json").read_text())["theory"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["match=macs"], "match=macs needs designs to match, e.g. compare=[stacked3x3,single5x5]."),
        (["match=width"], "Allowed: parameters | macs | memory | receptive_field, or null."),
        (["measure=1"], "Allowed: true | false."),
        (["compare=[plain]"], "Allowed: a list of two or more different models"),
        (["compare=[plain,plain]"], "Allowed: a list of two or more different models"),
        (["compare=[plain,singl5x5]"], "Did you mean 'single5x5'?"),
        (["compare=[plain,single5x5]", "model=linear"], "leave out model=linear"),
        (["compare=[plain,linear]", "match=macs"], "linear has none to change"),
        (["compare=[plain,unpadded99]"], "model.kernel_size=3 is larger than the 2x2 map"),
        (["model.kernel_size=99"], "model.kernel_size=99 is larger than the 28x28 map"),
        (["model.kernl_size=3"], "Did you mean 'model.kernel_size'?"),
        (["model.pool=meen"], "Allowed: max | mean | sum | none"),
        (["+typo=1"], "'typo' is no setting."),
        (["dataset.size=0"], "dataset.size=0 is not allowed."),
        (["dataset=image_folder"], "is not a folder."),
        (["theory=1"], "Allowed: true | false."),
        (["theory=true", "compare=[plain,linear]"], "python -m cnnlab.summary -m model=plain,linear theory=true"),
        (["init=hee"], "Did you mean 'he'?"),
        (["init.mod=fan_in"], "Did you mean 'init.mode'?"),
        (["init=normal", "init.std=-1"], "init.std=-1 is not allowed."),
        (["seed=-1"], "seed=-1 is not allowed."),
        (["theory=true", "init=classical", "model.kernel_size=2"], "classical kernels are 3x3"),
        (["theory=true", "dataset=image_folder", "dataset.size=8"], "is not a folder."),
    ],
)
def test_mistakes_are_told_before_any_folder(run: Run, tmp_path: Path, arguments: list[str], words: str) -> None:
    out, err, code = run(*arguments)
    assert (out, code) == ("", 1)
    assert words in err
    assert 1 <= len(err.splitlines()) <= 5
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


OWN = """
from torch import nn

class Own(nn.Sequential):
    def __init__(self, image_shape, classes, width):
        c, h, w = image_shape
        full = nn.Linear(width * (h - 2) * (w - 2), classes)
        super().__init__(nn.Conv2d(c, width, 3), nn.ReLU(), nn.Flatten(), full)
"""


def test_a_users_own_network_and_the_time_it_takes(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "own.yaml").write_text("_target_: own.Own\nwidth: 4\n")
    source = Path(summary.__file__).parents[1]
    code = "import sys, runpy; runpy.run_module('cnnlab.summary', run_name='__main__'); " + (
        "print(sorted({'torchvision', 'matplotlib', 'sklearn', 'torch._dynamo', 'tensorboard'} & set(sys.modules)))"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, "--config-dir", ".", "model=own"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{source}:{tmp_path}", "COLUMNS": "80"},
    )
    taken = time.perf_counter() - began
    assert done.stderr == ""
    assert "own on digits: 1x28x28, 10 classes" in done.stdout
    assert "3x3 of 28x28 pixels for a cell of the last map" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"  # none of the slow imports
    assert taken < 15  # 2.5 s on an idle machine; the imports above are what makes it slow
