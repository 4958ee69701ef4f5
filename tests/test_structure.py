"""The shape of the house: imports point down, Hydra stays at the door, files stay small, documents are true."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "cnnlab"
FILES = sorted(SOURCE.rglob("*.py"))
COMMANDS = {p.stem for p in SOURCE.glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_and_functions_are_small(path):
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name


def test_a_file_on_the_top_floor_is_a_command():
    assert {p.stem for p in (ROOT / "configs").glob("*.yaml")} == COMMANDS


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/benchmarks.md"])
def test_links_and_pictures_of_the_documents_exist(document):
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="([^"]+)"', text):
        assert target.startswith("http") or (ROOT / document).parent.joinpath(target).exists(), target


def test_scripts_are_thin():
    for path in (ROOT / "scripts").glob("*.py"):
        assert path.read_text().count("\n") <= 130, path
