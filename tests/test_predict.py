"""`python -m cnnlab.predict` from the command line to its files, and every way to call it wrongly."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

from cnnlab.datasets.base import normalize
from cnnlab.networks.convnet import ConvNet
from cnnlab.predict import main
from cnnlab.runs import checkpoint

CLASSES = ["cat", "dog", "emu"]
MEAN, STD = [0.4], [0.3]
MODEL = {"channels": [4], "convs_per_block": 1, "head": []}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run as the trainer leaves it and two pictures of 12x12, one of them in colour."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    section = {"_target_": "cnnlab.networks.convnet.ConvNet", **MODEL}
    OmegaConf.save(OmegaConf.create({"model": section}), tmp_path / "run" / "config.yaml")
    state = {
        "network": ConvNet((1, 12, 12), 3, **MODEL).state_dict(),
        "image_shape": [1, 12, 12],
        "classes": CLASSES,
        "mean": MEAN,
        "std": STD,
        "look": {"brightness": [0.2, 0.6]},
    }
    for name in ("last", "best"):
        checkpoint.save(tmp_path / "run" / "checkpoints" / f"{name}.pt", state)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 200, (12, 12), np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(rng.integers(0, 200, (12, 12, 3), np.uint8)).save(tmp_path / "colour.png")
    return tmp_path


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["cnnlab.predict", *arguments])
    main()


def test_json_holds_what_the_network_says(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(monkeypatch, "run=run", "image=[grey.png,colour.png]", "format=json", "top=2", "invariance=true")
    out, err = capsys.readouterr()
    answer = json.loads(out)
    network = ConvNet((1, 12, 12), 3, **MODEL).eval()
    network.load_state_dict(checkpoint.load(home / "run" / "checkpoints" / "last.pt")["network"])
    with Image.open(home / "grey.png") as picture:
        pixels = torch.from_numpy(np.asarray(picture).copy())[None, None]
    expected = network(normalize(pixels, tuple(MEAN), tuple(STD)))[0].softmax(0).tolist()
    first, second = answer["images"]
    assert first["image"] == "grey.png" and first["words"] == [] and first["unlike"] == ""
    best = sorted(zip(CLASSES, expected, strict=True), key=lambda pair: -pair[1])[:2]
    assert first["class"] == best[0][0] and first["probabilities"] == pytest.approx(dict(best), abs=1e-6)
    assert "colours become shades" in second["words"][0] and "colour.png: the network takes grey" in err
    assert len(first["variants"]) == 17 and first["variants"][0]["probabilities"] == pytest.approx(
        first["probabilities"], abs=1e-6
    )
    assert [Path(f).name for f in answer["files"]] == [
        "probabilities.png",
        "invariance_00_grey.png",
        "invariance_01_colour.png",
    ]
    assert all(Path(f).is_file() for f in answer["files"])


def test_a_picture_unlike_the_training_images_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (12, 12), 250).save(home / "page.png")
    call(monkeypatch, "run=run", "image=page.png")
    told = capsys.readouterr().err
    assert told.startswith("page.png is unlike the training images") and "mean 0.98, theirs 0.20 to 0.60" in told


def test_files_beside_the_pictures_are_passed_over_and_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "notes.txt").write_text("no picture")
    call(monkeypatch, "run=run", "image=*")
    shown, told = capsys.readouterr()
    assert "grey.png" in shown and "colour.png" in shown
    assert told.startswith("*: 1 file skipped, not pictures of a known format: 1 .txt.\n")


def test_damaged_pictures_cost_the_others_no_answer(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "cut.png").write_bytes((home / "colour.png").read_bytes()[:300])  # with a whole header
    (home / "empty.png").touch()
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, "run=run", "image=*.png", "format=json")
    shown, told = capsys.readouterr()
    assert [answer["image"] for answer in json.loads(shown)["images"]] == ["colour.png", "grey.png"]
    lines = told.splitlines()
    assert lines[0].startswith("cut.png cannot be read as a picture: ") and lines[1] == "empty.png is not a picture."
    assert lines[-1] == "2 of 4 pictures could not be read and have no answer, see above." and end.value.code == 1


def test_a_picture_with_a_name_that_is_not_utf8(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    os.rename("grey.png", name)
    call(monkeypatch, "run=run", "image=*.png", "follow=true", "invariance=true")
    shown, told = capsys.readouterr()
    assert r"caf\xe9.png" in shown and "colour.png" in shown
    (shown + told).encode()
    call(monkeypatch, "run=run", "image=caf*.png", "format=json")
    assert json.loads(capsys.readouterr().out)["images"][0]["image"] == name


def test_table_and_follow(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    call(monkeypatch, "run=run", "image=gr*.png", "follow=true", "checkpoint=best")
    out = capsys.readouterr().out
    assert all(name in out for name in CLASSES) and "probability" in out
    (folder,) = (home / "outputs" / "predict").iterdir()
    # No event file, with which TensorBoard would list the folder among the runs.
    assert {path.name for path in folder.iterdir()} == {"probabilities.png", "follow_00_grey.png"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["image=grey.png"], "run=null is not allowed"),
        (["run=run"], "image=null is not allowed"),
        (["run=elsewhere", "image=grey.png"], "elsewhere has no config.yaml"),
        (["run=run", "image=gray.png"], "Did you mean 'grey.png'"),
        (["run=run", "image=run/config.yaml"], "is not a picture"),
        (["run=run", "image=*.jpg"], "no such file"),
        (["run=empty", "image=grey.png"], "No checkpoint"),
        (["run=run", "image=grey.png", "checkpoint=first"], "checkpoint=first is not allowed"),
        (["run=run", "image=grey.png", "top=0"], "top=0 is not allowed"),
        (["run=run", "image=grey.png", "format=xml"], "table | json"),
        (["run=run", "image=grey.png", "flollow=true"], "Did you mean 'follow'"),
        (["run=run", "image=grey.png", "invariance=true", "shifts=[2,12]"], "leaves nothing of images of 12x12"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    (home / "empty").mkdir()
    (home / "empty" / "config.yaml").write_text("model: {}\n")
    with pytest.raises(SystemExit) as stopped:
        call(monkeypatch, *arguments)
    error = capsys.readouterr().err
    assert stopped.value.code == 1 and words in error
    assert len(error.strip().splitlines()) <= 5 and not (home / "outputs").exists()


POISONED = [
    {"_target_": "builtins.open", "file": "harm", "mode": "w"},
    {"_target_": "os.system", "command": "touch harm"},
    {"_target_": "mine.Net"},
    {"_target_": "cnnlab.networks.convnet.ConvNet", **MODEL, "channels": {"_target_": "mine.harm"}},
    {"_target_": "cnnlab.networks.convnet.ConvNet", **MODEL, "head": [{"_target_": "mine.harm"}]},
    {"_target_": "torch.nn.modules.module.torch.load", "f": "mine.py"},
]


@pytest.mark.parametrize("model", POISONED, ids=lambda model: str(model["_target_"]))
def test_a_folder_from_somebody_else_runs_no_code(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: dict
) -> None:
    harm = "open('harm', 'w')\n\n\ndef harm():\n    open('harm', 'w')\n\n\nclass Net:\n    pass\n"
    (home / "mine.py").write_text(harm)
    monkeypatch.syspath_prepend(str(home))
    OmegaConf.save(OmegaConf.create({"model": model}), home / "run" / "config.yaml")
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, "run=run", "image=grey.png")
    told = capsys.readouterr().err
    assert end.value.code == 1 and "trust=true" in told and "Traceback" not in told
    assert not (home / "harm").exists() and not (home / "outputs").exists()


def test_a_network_from_elsewhere_is_built_where_it_is_trusted(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "from cnnlab.networks.convnet import ConvNet\n\n\nclass Own(ConvNet):\n    pass\n"
    (home / "own_network.py").write_text(code)
    monkeypatch.syspath_prepend(str(home))
    section = {"_target_": "own_network.Own", **MODEL}
    OmegaConf.save(OmegaConf.create({"model": section}), home / "run" / "config.yaml")
    with pytest.raises(SystemExit):
        call(monkeypatch, "run=run", "image=grey.png")
    call(monkeypatch, "run=run", "image=grey.png", "trust=true")
    assert "cat" in capsys.readouterr().out


def test_an_unfinished_run_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "run" / "run.json").write_text(json.dumps({"status": "interrupted", "steps": 40}))
    (home / "run" / "metrics.jsonl").write_text('{"step": 10, "epoch": 0}\n')
    call(monkeypatch, "run=run", "image=grey.png")
    assert "run is interrupted, 25 % of its steps done" in capsys.readouterr().err
