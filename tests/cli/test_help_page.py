"""`--help` fits a screen, and what it says is true."""

import re
import shlex

import pytest

from cnnlab.cli.compose import compose_jobs
from cnnlab.cli.help_page import WIDTH
from cnnlab.cli.resolvers import CONFIGS, register_resolvers
from cnnlab.cli.schema import CONVNET_RULES
from cnnlab.networks.modules.activations import ACTIVATIONS

COMMANDS = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
LINES, LONGEST = 45, 121


@pytest.fixture
def page(run_command, tmp_path_factory):
    def page(command, *arguments, cwd=None):
        done = run_command("-m", f"cnnlab.{command}", *arguments, "--help", cwd=cwd or tmp_path_factory.mktemp("empty"))
        assert done.returncode == 0 and done.stderr == ""
        return done.stdout

    return page


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_of_each_command_fits_a_screen(page, command):
    lines = page(command).rstrip().splitlines()
    assert lines[0].startswith(f"python -m cnnlab.{command}: ") and len(lines[0]) <= WIDTH
    assert len(lines) <= LINES and max(map(len, lines)) <= LONGEST
    assert sum(line.startswith(f"  python -m cnnlab.{command}") for line in lines) >= 2
    for setting in ("seed: 0", "metric: auto", "image: scene", "run: null", "compare: []", "port: null"):
        is_there = setting in (CONFIGS / f"{command}.yaml").read_text()
        assert any(line.startswith(f"  {setting}") for line in lines) == is_there


def test_every_choice_and_value_is_there(page):
    words = re.findall(r"[\w.]+", page("train"))
    for group in ("model", "init", "dataset", "augmentation", "optimizer", "scheduler", "telemetry", "evaluation"):
        assert {path.stem for path in (CONFIGS / group).glob("*.yaml")} <= set(words), group
    assert {*ACTIVATIONS, *CONVNET_RULES["model.norm"].allowed.split(" | ")} <= set(words)
    assert f"{len(list((CONFIGS / 'experiment').glob('*.yaml')))} of them" in page("train")


def test_its_examples_can_be_typed(page):
    register_resolvers()
    examples = [line.strip() for line in page("train").splitlines() if line.startswith("  python -m cnnlab.train")]
    for example in examples:
        words = re.split(r"\s{3,}", example)[0]
        compose_jobs("train", shlex.split(words)[3:])
    assert len(examples) == 3


def test_choices_of_ones_own_are_among_them(page, tmp_path):
    (tmp_path / "mine" / "model").mkdir(parents=True)
    (tmp_path / "mine" / "model" / "my_net.yaml").write_text("_target_: torch.nn.Identity\n")
    assert "my_net" in page("train", "--config-dir", "mine", cwd=tmp_path)
