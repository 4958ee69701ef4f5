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


def _required(names: list[str]) -> set[str]:
    return {re.split(r"[<>=\[]", name)[0].lower() for name in names}


def test_the_runtime_dependencies_are_what_src_imports():
    text = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py") if path.parent.name != "integrations")
    imported = {line.split(".")[0] for line in re.findall(r"^\s*(?:from|import) (\S+)", text, re.MULTILINE)}
    distributions = packages_distributions()
    extras = set().union(*(_required(PROJECT["optional-dependencies"][name]) for name in ("ray", "slurm")))
    outside = imported - sys.stdlib_module_names - {"cnnlab", "hydra_plugins"} - extras
    assert {distributions[name][0].lower() for name in outside if name in distributions} == _required(
        PROJECT["dependencies"]
    )


def test_optional_packages_are_extras():
    extras = {name: _required(PROJECT["optional-dependencies"][name]) for name in ("lightning", "ray", "slurm")}
    assert extras == {"lightning": {"lightning"}, "ray": {"ray"}, "slurm": {"submitit"}}
