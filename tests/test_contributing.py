"""Every recipe of CONTRIBUTING.md, done as it says: the files written, the lines put in, the command run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnnlab.networks.convnet import ConvNet

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
BLOCKS = re.findall(r"```(python|yaml|bash)\n(.*?)```", TEXT, re.DOTALL)
HEAD = re.compile(r"(?:# @package _global_\n)?# ((?:mine|src|configs)/[^\s,]+)(?:, (behind|instead of): (.*))?\n")
COMMANDS = [body.strip() for kind, body in BLOCKS if kind == "bash" and body.startswith("python -m cnnlab")]
OWN = [command for command in COMMANDS if "--config-dir" in command]
SMALL = ["trainer.max_steps=3", "telemetry.pictures=false", "dataset.size=12"]


def _recipes() -> list[tuple[str, str | None, str, str]]:
    """(path, behind | instead of | None, line, text) of each block that is a file or goes into one."""
    found = []
    for _, body in BLOCKS:
        if head := HEAD.match(body):
            text = body if head[2] is None else body[head.end() :]
            found.append((head[1], head[2], head[3], text))
    return found


def _write(folder: Path, mine: bool) -> None:
    for name, how, line, text in _recipes():
        if name.startswith("mine/") != mine:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if how is None:
            path.write_text(text)
            continue
        before = path.read_text()
        assert before.count(f"{line}\n") == 1, f"{name} should hold once: {line}"
        new = f"{line}\n{text}" if how == "behind" else text
        if line.startswith("# "):  # in front of a comment, which belongs to what follows
            new = f"{text}{line}\n"
        path.write_text(before.replace(f"{line}\n", new))


@pytest.fixture
def typed(run_command):
    """typed(folder, command, *more, source=): the command as typed there, with cnnlab from `source`."""

    def typed(folder: Path, command: str, *more: str, source: Path | None = None) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment = clean if source is None else {**clean, "PYTHONPATH": str(source)}
        return run_command(*command.split()[1:], *more, cwd=folder, env=environment)

    return typed


def test_recipes_are_found():
    assert len(COMMANDS) == 16 and len(OWN) == 10 and len(_recipes()) == 26


def test_the_table_counts_the_files_and_lines_of_the_recipes():
    """Lines that are not blank, of Python and YAML together, as the recipe below the table has them."""
    rows = re.findall(r"\| (an? [a-z ]+) \| (.*?) \| (\d+) \| .*? \|", TEXT)
    assert len(rows) == 6
    for what, files, lines in rows:
        section = TEXT.split(f"\n### {what.capitalize()}\n")[1].split("\n### ")[0].split("\n## ")[0]
        changes = [body for _, body in re.findall(r"```(python|yaml)\n(.*?)```", section, re.DOTALL)]
        texts = [HEAD.sub("", body, count=1) for body in changes]
        paths = {match[1] for body in changes if (match := HEAD.match(body))}
        assert sum(map(int, re.findall(r"\d+", files))) == len(paths), what
        assert int(lines) == sum(bool(line.strip()) for text in texts for line in text.splitlines()), what


@pytest.mark.parametrize("command", OWN)
def test_a_recipe_in_a_folder_of_ones_own_works_as_it_stands(tmp_path, command, typed):
    _write(tmp_path, mine=True)
    size = [] if "dataset=bars" in command else SMALL[2:]
    done = typed(tmp_path, command, *SMALL[:2], *size)
    assert done.returncode == 0, done.stderr
    runs = list(tmp_path.glob("outputs/**/results.json"))
    # Two arms, each tuned at two rates with one seed, and measured with two; two arms with six seeds.
    expected = {"experiment=depth": 2 * 2 * 1 + 2 * 2, "experiment=wider": 2 * 6}
    assert len(runs) == next((number for words, number in expected.items() if words in command), 1)
    if "claim.guess" in command:
        assert done.stdout.count("“Wider is better.” ") == 1 and "You guessed 'holds'" in done.stdout


@pytest.fixture(scope="module")
def changed(tmp_path_factory) -> Path:
    """A copy of the sources with everything that the document adds to them."""
    folder = tmp_path_factory.mktemp("changed")
    for name in ("src", "configs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    _write(folder, mine=False)
    return folder


TRAINED = [c for c in COMMANDS if c not in OWN and "cnnlab.train" in c]


@pytest.mark.parametrize(
    "command", [*TRAINED, "python -m cnnlab.train model.activation=logsigmoid model.pool=overlapping"]
)
def test_what_is_added_to_cnnlab_trains(changed, tmp_path, command, typed):
    more = SMALL if "max_steps" not in command else SMALL[1:]
    done = typed(tmp_path, command, *more, source=changed / "src")
    assert done.returncode == 0, done.stderr
    (metrics,) = tmp_path.glob("outputs/runs/*/metrics.jsonl")
    assert ("kurtosis" in metrics.read_text()) == ("telemetry=full" in command)


@pytest.mark.parametrize("word, shown", [("logsigmoid", "logsigmoid"), ("overlapping", "max pool 3x3")])
def test_an_added_activation_and_an_added_pooling_are_in_the_sheet(changed, tmp_path, word, shown, typed):
    (command,) = (c for c in COMMANDS if word in c)
    done = typed(tmp_path, command, source=changed / "src")
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert word != "logsigmoid" or "Theory before the first step" in done.stdout


def test_an_added_rule_is_asked(changed, tmp_path):
    code = (
        "from cnnlab.diagnosis import Context, diagnose\n"
        "rows = [{'step': 9, 'train/loss': 40.0, 'train/accuracy': 0.9}]\n"
        "print([f.name for f in diagnose(rows, Context(classes=10))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(changed / "src")},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "['confident_mistakes']", done.stderr


def test_an_added_command_runs(changed, tmp_path, typed):
    (command,) = (c for c in COMMANDS if "count" in c)
    done = typed(tmp_path, command, source=changed / "src")
    network = ConvNet((1, 28, 28), 10, kernel_size=5, convs_per_block=1)
    assert done.stdout.strip() == str(sum(p.numel() for p in network.parameters())), done.stderr
    mistake = typed(tmp_path, command, "model.kernle_size=3", source=changed / "src")
    assert mistake.returncode == 1 and "Did you mean 'model.kernel_size'" in mistake.stderr


def test_the_tree_is_the_tree():
    block = TEXT[TEXT.index("```text\nsrc/cnnlab/") :].partition("```text\n")[2].partition("```")[0]
    named: set[str] = set()
    folder = ""
    for line in block.splitlines()[1:]:
        words = line.split()
        if words[0].endswith("/"):
            folder, *words = words
        named |= {folder + word for word in words}
    source = ROOT / "src" / "cnnlab"
    files = {path.relative_to(source) for path in source.rglob("*.py")}
    assert named == {f.as_posix() for f in files if f.stem != "__init__" or len(f.parts) == 1}
