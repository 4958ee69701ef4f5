"""The README's figures, each drawn by the command beside it into docs/ (make pictures)."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
LARGEST = 450_000  # bytes of a picture in docs/

# {picture: (commands as the README has them, what the last one writes)}
DRAWN = {
    "theory.png": (
        ["python -m cnnlab.train model=plain init=xavier trainer.max_steps=0"],
        "outputs/runs/*/figures/theory.png",
    ),
    "theory_resnet18.png": (
        ["python -m cnnlab.train --config-dir mine model=resnet18 dataset.size=32 trainer.max_steps=0"],
        "outputs/runs/*/figures/theory.png",
    ),
    "kernels.png": (["python -m cnnlab.kernels"], "outputs/kernels/*/kernels.png"),
    "follow.png": (
        [
            "python -m cnnlab.train model.convs_per_block=1 model.head=[]",
            "python -m cnnlab.predict run=outputs/runs/... image=docs/seven.png",
        ],
        "outputs/predict/*/follow*.png",
    ),
}
# Screenshots, by the tests of the dashboards, the report and the claims' page.
TAKEN = {
    *(f"dashboard_{what}.png" for what in ("sweep", "sweep_depth", "run", "pictures")),
    *("report_light.png", "report_dark.png", "claims_light.png", "claims_dark.png"),
}
MEASURED = {"benchmarks.png"}  # by make bench


def test_every_picture_of_the_readme_is_drawn_taken_or_measured():
    shown = set(re.findall(r"docs/(\w+\.png)", README)) - {"seven.png"}  # that one is an input
    assert shown == {*DRAWN, *TAKEN, *MEASURED}
    assert {path.name for path in DOCS.glob("*.png")} == shown | {"seven.png"}


@pytest.mark.parametrize("picture", DRAWN)
def test_its_commands_stand_beside_it(picture):
    around = README[max(0, README.index(f"docs/{picture}") - 2000) :][:3500]
    assert all(command in around for command in DRAWN[picture][0])


@pytest.mark.browser
@pytest.mark.timeout(600)
@pytest.mark.parametrize("picture", DRAWN)
def test_draw(picture, tmp_path):
    commands, written = DRAWN[picture]
    (tmp_path / "mine" / "model").mkdir(parents=True)
    (tmp_path / "mine" / "model" / "resnet18.yaml").write_text("_target_: torchvision.models.resnet18\n")
    for command in commands:
        words = shlex.split(command)
        if ".predict" in command:
            (run,) = tmp_path.glob("outputs/runs/*")
            words = [*words[:3], f"run={run}", f"image={DOCS / 'seven.png'}", "follow=true"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, env=environment, check=True, capture_output=True)
    (drawn,) = tmp_path.glob(written)
    shutil.copy(drawn, DOCS / picture)
    with Image.open(DOCS / picture) as image:
        assert min(image.size) > 300
    assert (DOCS / picture).stat().st_size < LARGEST
