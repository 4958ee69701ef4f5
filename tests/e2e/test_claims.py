"""Claims by the command, as a teacher would use them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cnnlab.claims.stated import stated_claims
from cnnlab.claims.verdict import Verdict
from cnnlab.cli.resolvers import CONFIGS
from cnnlab.views.claims.verdict_look import LOOKS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "claims.md"
CLAIM = """\
# @package _global_
# "More steps are better."
defaults: [override /telemetry: "off"]
dataset: {{size: 8}}
hydra:
  sweeper:
    arms: {{trained: [trainer.max_steps=60], untrained: [trainer.max_steps=0]}}
    params: {{seed: range({seeds})}}
claim: {{sentence: More steps are better., arm: trained, than: untrained, margin: {margin}}}
"""


@pytest.fixture
def claim(run_command):
    """claim(folder, *overrides, seeds=2, margin=0.2): the sweep of a claim of one's own."""

    def claim(folder: Path, *overrides: str, seeds: int = 2, margin: float = 0.2) -> subprocess.CompletedProcess[str]:
        mine = folder / "mine" / "experiment" / "steps.yaml"
        mine.parent.mkdir(parents=True, exist_ok=True)
        mine.write_text(CLAIM.format(seeds=seeds, margin=margin))
        arguments = ["-m", "cnnlab.train", "-m", "--config-dir", "mine", "experiment=steps", *overrides]
        environment = os.environ | {"COLUMNS": "120", "OMP_NUM_THREADS": "1"}
        return run_command(*arguments, cwd=folder, env=environment)

    return claim


def test_a_claim_of_one_s_own_ends_with_its_verdict_and_with_who_was_right(tmp_path, claim):
    done = claim(tmp_path, "claim.guess=does not hold")
    assert done.returncode == 0, done.stderr
    assert "“More steps are better.” HOLDS" in done.stdout
    assert "You guessed 'does not hold'; the verdict is 'holds'." in done.stdout
    (sweep,) = tmp_path.glob("outputs/sweeps/*")
    assert sweep.name == "steps" and json.loads((sweep / "sweep.json").read_text())["claim"]["guess"] == "does not hold"
    assert "HOLDS" in (sweep / "report.md").read_text() and "You guessed" in (sweep / "report.html").read_text()
    assert "claim" not in (sweep / "trained,seed=0" / "config.yaml").read_text()

    again = claim(tmp_path, seeds=2, margin=0.1)
    assert again.returncode == 1 and again.stderr.startswith(
        "claim.margin was 0.2 when the runs in outputs/sweeps/steps"
    )
    more = claim(tmp_path, seeds=3)
    assert more.returncode == 0 and len(list(sweep.glob("*/results.json"))) == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["experiment=he_suits_relu"],
            '"He initialization suits ReLU, better than Xavier." is decided by several runs',
        ),
        (["-m", "claim.guess=holds"], "claim.guess is of an experiment with a claim"),
        (["-m", "experiment=he_suits_relu", "claim.guess=perhaps"], "claim.guess=perhaps is not allowed"),
        (["-m", "experiment=he_suits_relu", "claim.arm=hee"], "Did you mean 'he'?"),
        (["-m", "experiment=he_suits_relu", "claim.margn=1"], "margn"),
    ],
)
def test_mistakes_are_told_before_anything_runs(tmp_path, arguments, words, run_command):
    done = run_command("-m", "cnnlab.train", *arguments, cwd=tmp_path)
    assert done.returncode == 1 and words in done.stderr and len(done.stderr.splitlines()) <= 5
    assert "Traceback" not in done.stderr and not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("two_3x3_see_as_one_5x5", "HOLDS"),
        ("two_3x3_need_fewer_weights", "HOLDS ONLY WHEN 16 channels in, 64 channels in"),
        ("two_3x3_cost_fewer_macs", "HOLDS ONLY WHEN 16 channels in, 64 channels in"),
        ("two_3x3_keep_more_memory", "HOLDS"),
        ("ninety_nine_convolutions", "HOLDS"),
        ("larger_strides_give_smaller_maps", "HOLDS"),
        ("even_kernels_lose_symmetry", "HOLDS"),
        ("pooling_keeps_a_quarter", "HOLDS ONLY WHEN 28x28 maps, 32x32 maps"),
    ],
)
def test_geometry_is_what_can_be_counted_by_hand(tmp_path, name, verdict, run_command):
    """18 c^2 < 25 c^2, but 9 n c + 9 c^2 < 25 n c only for n > 9 c / 16; 199 - 99 x 2 = 1; 5x5 pooled is 3x3."""
    arguments = ["-m", "cnnlab.train", "-m", f"experiment={name}"]
    done = run_command(*arguments, cwd=tmp_path, env=os.environ | {"COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("“")]
    assert line.endswith(f"” {verdict}")


def test_the_committed_verdicts_are_of_the_claims_as_they_are_stated():
    """Sentence, command, and smallest difference of every YAML; and a verdict that exists."""
    text = DOCUMENT.read_text(encoding="utf-8")
    claims = list(stated_claims(CONFIGS / "experiment"))
    rows = re.findall(r"^\| \[(.*?)\]\(#(\w+)\).*? \| (\S+) (.*?) \| .*? \| `(.*?)` \|$", text, re.MULTILINE)
    assert [row[1] for row in sorted(rows, key=lambda row: row[1])] == [claim.name for claim in claims]
    stated = {claim.name: claim for claim in claims}
    signs = {look.sign for look in LOOKS.values()}
    for sentence, name, sign, verdict, command in rows:
        assert sentence == stated[name].claim.sentence and command == stated[name].command
        assert sign in signs and "not run" not in verdict
        assert any(verdict.strip("*").startswith(word) for word in LOOKS), verdict
    assert (ROOT / "docs" / "claims.html").read_text(encoding="utf-8").count("<svg") > 10


def test_a_verdict_needs_no_torch():
    code = "import sys, cnnlab.claims.verdict, cnnlab.claims.stated; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
    assert Verdict
