"""Slow proofs on real images and a real wheel: make proof (CNNLAB_DATA says where the images lie)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def _train(folder: Path, *arguments: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "cnnlab.train", *arguments, f"hydra.run.dir={folder}"],
        *(), cwd=folder.parent, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return json.loads((folder / "results.json").read_text())


def test_digits_in_under_a_minute(tmp_path):
    results = _train(tmp_path / "run")
    assert results["test/accuracy"] > 0.96 and results["diagnosis/first"] == "healthy"
    assert results["time/training_s"] < 60


@pytest.mark.timeout(1800)
def test_mnist_over_99_percent_in_three_epochs(tmp_path, real_data):
    results = _train(tmp_path / "run", "dataset=mnist", f"dataset.root={real_data}", "trainer.epochs=3")
    assert results["test/accuracy"] > 0.99 and results["diagnosis/first"] == "healthy"


@pytest.mark.timeout(3600)
def test_cifar10_over_75_percent_in_ten_epochs(tmp_path, real_data):
    results = _train(
        tmp_path / "run",
        *("model=vgg", "dataset=image_folder", f"dataset.root={real_data / 'cifar10-jpeg'}"),
        *("augmentation=flip_translate", "trainer.epochs=10", "trainer.batch_size=128", "optimizer.lr=0.1"),
        *("trainer.precision=bf16", "trainer.channels_last=true"),
    )
    assert results["test/accuracy"] > 0.75


def test_a_wheel_works_in_any_folder(tmp_path):
    """Built, unpacked beside nothing of the checkout, and run by its console script's function."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, site], check=True)
    assert (site / "cnnlab" / "_configs" / "train.yaml").is_file()
    assert (site / "cnnlab" / "diagnosis" / "explained" / "dead_units.md").is_file()
    assert (site / "hydra_plugins" / "cnnlab" / "__init__.py").is_file()
    script = f"import sys; sys.path.insert(0, {str(site)!r}); import cnnlab.train as t; print(t.__file__); t.main()"
    arguments = ["trainer.max_steps=2", "dataset.size=8"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], cwd=work, capture_output=True, text=True)
    assert done.returncode == 0 and str(site) in done.stdout, done.stderr
    assert list(work.glob("outputs/runs/*/results.json"))
    sweep = [sys.executable, "-c", script, "-m", *arguments, "seed=0,1"]
    done = subprocess.run(sweep, cwd=work, capture_output=True, text=True)
    assert done.returncode == 0 and str(site) in done.stdout, done.stderr
    assert list(work.glob("outputs/sweeps/*/report.html"))
