"""`python -m cnnlab.kernels` from the command line to its files, and every way to call it wrongly."""

import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from cnnlab.kernels import main
from cnnlab.networks.convnet import ConvNet
from cnnlab.runs import checkpoint


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["cnnlab.kernels", *arguments])
    main()


def test_the_texts_smiley(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    call(monkeypatch, "image=smiley", "kernels=[mouth_corner]", "border=valid", "step=true")
    out = capsys.readouterr().out
    assert "4 of the 4 cells" in out and Path(out.strip().splitlines()[-1]).name == "kernels.png"


def test_ones_own_kernel_and_cell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    call(monkeypatch, "kernels=[sharpen,[[0,1],[-1,0.5]]]", "step=true", "cell=[3,5]")
    out = capsys.readouterr().out
    assert "sharpen, row 3, column 5, red" in out and "kernel_2, row 3, column 5, blue" in out


def test_learned_filters_are_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = {"channels": [11], "first_layer": "classical", "head": []}
    (home / "run").mkdir()
    section = {"_target_": "cnnlab.networks.convnet.ConvNet", **model}
    OmegaConf.save(OmegaConf.create({"model": section}), home / "run" / "config.yaml")
    state = {"network": ConvNet((1, 8, 8), 3, **model).state_dict()}
    about = {"image_shape": [1, 8, 8], "classes": ["a", "b", "c"], "mean": [0.5], "std": [0.5]}
    checkpoint.save(home / "run" / "checkpoints" / "last.pt", state | about)
    call(monkeypatch, "run=run")
    out = capsys.readouterr().out
    assert "prewitt_y" in out and "+1.00" in out and out.strip().endswith("filters.png")


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("kernels=[sharpn]", "Did you mean 'sharpen'"),
        ("kernels=[]", "kernels=[] is not allowed"),
        ("kernels=[[[1,2],[3]]]", "a list with one or more names or squares of numbers"),
        ("kernels=sharpen", "kernels=sharpen is not allowed"),
        ("image=cat.png", "image=cat.png: no such file"),
        ("border=mirror", "edge | zero | valid"),
        ("cell=[1]", "[row,column], counted from 0"),
        ("cell=[500,0]", "outside the output of 192x192"),
        ("imge=smiley", "Did you mean 'image'"),
        ("run=nowhere", "nowhere has no config.yaml"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argument: str, words: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        call(monkeypatch, argument)
    error = capsys.readouterr().err
    assert stopped.value.code == 1 and words in error
    assert len(error.strip().splitlines()) <= 5 and not (home / "outputs").exists()
