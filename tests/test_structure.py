"""The shape of the house: imports point down, Hydra stays at the door, files stay small, documents are true."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "cnnlab"
FILES = sorted(SOURCE.rglob("*.py"))
ENTRIES = {p.stem for p in SOURCE.glob("*.py") if (ROOT / "configs" / f"{p.stem}.yaml").exists()}

# What a part may import, besides itself and errors. Whoever is not named here is an entry or serves one.
LOWER = {
    "errors": set(),
    "schema": set(),
    "networks": set(),
    "init": {"networks"},
    "theory": {"networks", "init"},
    "datasets": set(),
    "telemetry": {"networks", "schema", "theory", "datasets", "figures"},
    "figures": {"networks", "datasets", "telemetry", "theory", "designs", "prediction", "pictures", "arithmetic"},
    "training": {"networks"},
    "evaluation": {"datasets"},
    "designs": {"networks", "schema"},
}
HYDRA_AT_THE_DOOR = {"app", "benchmark", "compose", "build", "preflight", "session", *ENTRIES}


def _part(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _parts_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in _imports(path) if name.startswith("cnnlab.")} - {_part(path), "errors"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_down(path):
    allowed = LOWER.get(_part(path))
    assert allowed is None or _parts_imported(path) <= allowed
    assert not _parts_imported(path) & ENTRIES, "nobody imports an entry"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_hydra_stays_at_the_door(path):
    if _part(path) not in HYDRA_AT_THE_DOOR:
        assert not any(name.split(".")[0] in ("hydra", "omegaconf") for name in _imports(path))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_and_functions_are_small(path):
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name


def test_no_two_parts_import_each_other():
    graph: dict[str, set[str]] = {}
    for path in FILES:
        graph.setdefault(_part(path), set()).update(_parts_imported(path))
    both = {(a, b) for a, targets in graph.items() for b in targets if a in graph.get(b, set())}
    assert not both


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/benchmarks.md"])
def test_links_and_pictures_of_the_documents_exist(document):
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="([^"]+)"', text):
        assert target.startswith("http") or (ROOT / document).parent.joinpath(target).exists(), target


def test_the_tree_in_the_readme_is_the_tree():
    text = (ROOT / "README.md").read_text()
    for name in [
        *(p.name for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"),
        *(f"{e}.py" for e in ENTRIES),
    ]:
        assert name in text, f"README's tree does not name {name}"


def test_scripts_are_thin():
    for path in (ROOT / "scripts").glob("*.py"):
        assert path.read_text().count("\n") <= 130, path
