"""The house: imports point down, Hydra stays at the door, files are small, tests mirror, documents hold."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE, TESTS = ROOT / "src" / "cnnlab", ROOT / "tests"
FILES = sorted(SOURCE.rglob("*.py"))
COMMANDS = {p.stem for p in SOURCE.glob("*.py")} - {"__init__"}

# A part imports parts further down, and itself; never one beside or above it. The commands stand on top.
FLOORS = [
    {"common"},
    {"diagnosis"},
    {"networks", "datasets", "runs"},
    {"theory", "telemetry", "designs", "inference", "evaluation", "claims"},
    {"views"},
    {"cli"},
    {"training"},
    {"integrations"},
]
# Libraries that only some parts may import; progress bars are drawn where the work is done.
LIBRARIES = {
    "hydra": {"cli", *COMMANDS},
    "omegaconf": {"cli", *COMMANDS},
    "rich": {"views", "training/progress.py", "datasets/cache.py"},
    "matplotlib": {"views", "telemetry/tensorboard.py"},
    "lightning": {"integrations"},
    "tensorboard": {"telemetry", "views/dashboard/report_tab.py", "views/dashboard/server.py"},
}
TORCH_FREE = {"diagnosis", "claims"}
WITHOUT_HYDRA = {"explain"}  # it has no settings


def _part(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _parts_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in _imports(path) if name.startswith("cnnlab.")} - {_part(path)}


def _floor(part: str) -> int:
    return next((i for i, parts in enumerate(FLOORS) if part in parts), len(FLOORS))


each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))


def test_every_part_has_a_floor_and_every_floor_is_lived_on():
    parts = {p.name for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert parts == set().union(*FLOORS)


@each_file
def test_imports_point_down(path):
    if path == SOURCE / "__init__.py":
        return  # the public names, for type checkers
    own = _floor(_part(path))
    assert {part for part in _parts_imported(path) if _floor(part) >= own} == set()


def _name(path: Path) -> str:
    return ".".join(("cnnlab", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")


def test_no_module_imports_in_a_circle():
    names = {_name(path) for path in FILES}
    graph = {
        _name(path): {i if i in names else i.rpartition(".")[0] for i in _imports(path) if i.startswith("cnnlab.")}
        for path in FILES
        if path != SOURCE / "__init__.py"  # the public names, for type checkers
    }
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above, name))
        if name not in done:
            for other in graph.get(name, set()) - {name}:
                walk(other, (*above, name))
            done.add(name)

    for name in graph:
        walk(name, ())


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_used_where_it_belongs_and_each_allowance_is_used(library):
    allowed, used = LIBRARIES[library], set()
    for path in FILES:
        if any(name.split(".")[0] == library for name in _imports(path)):
            place = {_part(path), path.relative_to(SOURCE).as_posix()} & allowed
            assert place, f"{path.relative_to(SOURCE)} imports {library}"
            used |= place
    assert used == allowed if library not in ("hydra", "omegaconf") else used <= allowed


@each_file
def test_what_must_answer_at_once_is_free_of_torch(path):
    if _part(path) in TORCH_FREE:
        assert not any(name.split(".")[0] == "torch" for name in _imports(path))


@each_file
def test_files_and_functions_are_small(path):
    text = path.read_text()
    assert text.count("\n") <= (60 if path.parent == SOURCE and path.stem in COMMANDS else 300)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name


def test_the_session_is_small():
    assert (SOURCE / "training" / "session.py").read_text().count("\n") < 180


def test_a_file_on_the_top_floor_is_a_command():
    assert {p.stem for p in (ROOT / "configs").glob("*.yaml")} == COMMANDS - WITHOUT_HYDRA
    for name in WITHOUT_HYDRA:
        assert "cli" not in _parts_imported(SOURCE / f"{name}.py")


@each_file
def test_every_module_has_its_mirror(path):
    if path.stem != "__init__":
        mirror = TESTS / path.relative_to(SOURCE).with_name(f"test_{path.name}")
        assert mirror.is_file(), f"{mirror.relative_to(ROOT)} is missing"


# What is tested as a whole: the documents, the configs, the house, the package.
WHOLE = {"test_structure", "test_configs", "test_contributing", "test_readme", "test_package", "test_notebook"}


def test_every_test_mirrors_a_module():
    for path in TESTS.rglob("test_*.py"):
        relative = path.relative_to(TESTS)
        if relative.parts[0] != "e2e" and not (len(relative.parts) == 1 and path.stem in WHOLE):
            module = SOURCE / relative.with_name(path.name.removeprefix("test_"))
            assert module.is_file(), f"{relative} mirrors nothing"


def test_no_two_files_have_one_name():
    names = [p.stem for p in FILES if p.stem != "__init__"]
    # The command and the kernels that it shows are one thing.
    assert [name for name in sorted(set(names)) if names.count(name) > 1] == ["kernels"]


DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_and_pictures_of_the_documents_exist(document):
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="([^"]+)"', text):
        assert target.startswith("http") or (ROOT / document).parent.joinpath(target).exists(), target


def test_scripts_are_thin():
    for path in (ROOT / "scripts").glob("*.py"):
        assert path.read_text().count("\n") <= 130, path
