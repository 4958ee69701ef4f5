"""The package: its public names are lazy, its pins are what it imports."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import cnnlab

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("name", cnnlab.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(cnnlab, name).__doc__
    assert name in dir(cnnlab)


def test_importing_the_package_imports_nothing_heavy():
    done = _python("import sys, cnnlab; print(*sorted({m.split('.')[0] for m in sys.modules}))")
    assert not {"torch", "torchvision", "hydra", "matplotlib", "rich", "numpy"} & set(done.stdout.split())


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'cnnlab' has no attribute 'Prob'"):
        cnnlab.Prob  # noqa: B018


@pytest.mark.parametrize("module", ["train", "summary", "kernels", "predict", "report", "explain"])
def test_a_command_can_answer_a_typo_without_torch(module):
    done = _python(f"import sys, cnnlab.{module}; print('torch' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


HEAVY = {"torch", "torchvision", "numpy", "scipy", "pandas", "matplotlib", "sklearn", "rich", "PIL", "tensorboard"}


@pytest.mark.parametrize(
    "line, code, says",
    [
        ("train --help", 0, "stacked3x3"),
        ("report --help", 0, "metric: auto"),
        ("summary --help", 0, "compare: []"),
        ("kernels --help", 0, "image: scene"),
        ("predict --help", 0, "run: null"),
        ("dashboard --help", 0, "port: null"),
        ("explain --help", 0, "dead_units"),
        ("train modle=vgg", 1, "Did you mean 'model'?"),
        ("train model=vg", 1, "Did you mean 'vgg'?"),
        ("train trainer.epochs=-1", 1, "trainer.epochs=-1 is not allowed"),
        ("train model.activation=rellu", 1, "model.activation=rellu is not allowed"),
        ("train check=one_batch repair=true", 1, "Leave out one of them."),
        ("train resume=nowhere", 1, "holds no run"),
        ("train -m trainer.epochs=-1,1", 1, "trainer.epochs=-1 is not allowed"),
        ("train -m model=vgg,vg", 1, "Did you mean 'vgg'?"),
        ("train -m optimizer.lrr=1,2", 1, "'optimizer.lrr' is no setting"),
        ("summary match=macss", 1, "match=macss is not allowed"),
        ("predict run=nowhere image=x.png", 1, "nowhere has no config.yaml"),
        ("predict run=nowhere", 1, "image"),
        ("kernels run=nowhere", 1, "nowhere has no config.yaml"),
        ("kernels border=edgy", 1, "border=edgy is not allowed"),
        ("report nowhere", 1, "nowhere"),
        ("dashboard port=0", 1, "port=0 is not allowed"),
    ],
)
def test_an_answer_that_needs_no_numbers_loads_nothing_that_is_made_for_them(tmp_path, line, code, says):
    command, *arguments = line.split()
    loaded = (
        "import atexit, runpy, sys; atexit.register(lambda: print('loaded:', *{m.split('.')[0] for m in sys.modules}));"
    )
    run = f"sys.argv = {['cnnlab', *arguments]}; runpy.run_module('cnnlab.{command}', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", loaded + run], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == code and says in done.stdout + done.stderr, done.stderr
    assert not HEAVY & set(done.stdout.rpartition("loaded:")[2].split())
    assert list(tmp_path.iterdir()) == []


def _required(names: list[str]) -> set[str]:
    return {re.split(r"[<>=\[]", name)[0].lower() for name in names}


def test_the_runtime_dependencies_are_what_src_imports():
    text = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py") if path.parent.name != "integrations")
    imported = {line.split(".")[0] for line in re.findall(r"^\s*(?:from|import) (\S+)", text, re.MULTILINE)}
    distributions = packages_distributions()
    extras = set().union(*(_required(PROJECT["optional-dependencies"][name]) for name in ("ray", "slurm")))
    imported.add("sklearn")  # one of its files is read without it: datasets/digits.py
    outside = imported - sys.stdlib_module_names - {"cnnlab", "hydra_plugins"} - extras
    assert {distributions[name][0].lower() for name in outside if name in distributions} == _required(
        PROJECT["dependencies"]
    )


def test_optional_packages_are_extras():
    extras = {name: _required(PROJECT["optional-dependencies"][name]) for name in ("lightning", "ray", "slurm")}
    assert extras == {"lightning": {"lightning"}, "ray": {"ray"}, "slurm": {"submitit"}}
