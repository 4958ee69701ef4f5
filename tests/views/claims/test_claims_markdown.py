"""docs/claims.md: whole tables, links that lead somewhere."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cnnlab.claims.claim import Claim
from cnnlab.views.claims.catalogue import ClaimEntry
from cnnlab.views.claims.claims_markdown import claims_markdown


@pytest.fixture
def text(verdict):
    first = verdict(lecture=True)
    facts = {"data": "mnist, sha256 abc_def"}
    run = ClaimEntry(
        "he_suits_relu", first.claim, "python -m cnnlab.train -m experiment=he_suits_relu", "at 22 | layers",
        first, 12, 90.0, facts, Path("../outputs/he/report.html"),
    )  # fmt: skip
    other = ClaimEntry("a_b", Claim("A <b>.", ("test/loss",), ("b",), of="beyond"), "python -m cnnlab.train -m x")
    return claims_markdown([run, replace(run, name="again"), other], {"false_verdicts": "0 of 40", "gpu": "none"})


def test_the_order(text):
    heads = re.findall(r"^#+ .*", text, re.MULTILINE)
    assert heads == [
        *("# Claims and verdicts", "## Claims of the text", "## Claims beyond it"),
        *("## Claims of the text: the evidence", "### he_suits_relu", "### again"),
        *("## Claims beyond it: the evidence", "### a_b"),
    ]
    assert text.index("0 of 40") < text.index("3 claims:") < text.index("- gpu: none") < text.index(heads[1])


def test_every_link_has_its_heading_and_every_table_is_one(text):
    anchors = re.findall(r"\]\(#(.*?)\)", text)
    assert anchors == re.findall(r"^### (.*)", text, re.MULTILINE)
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1, block


def test_a_claim_and_its_evidence(text):
    assert "| [He suits relu.](#he_suits_relu) (lecture) | ◐ **holds only when** 22 layers | 22 layers: he" in text
    details = text[text.index("### he_suits_relu") : text.index("### again")]
    for part in (
        *("“He suits relu.” (lecture) **holds only when** 22 layers", "| 22 layers | he | xavier | 6 |"),
        *("- expected: at 22 \\| layers", "- smallest difference that matters: 1 point", "- runs: 12 runs, 90 s"),
        *("- data: mnist, sha256 abc\\_def", "[report.html](../outputs/he/report.html)", "positive where it speaks"),
    ):
        assert part in details or part.replace("90 s", "1.5 minutes") in details, part
    assert "You guessed" not in text, "a guess was somebody's own"


def test_what_was_not_run_says_so(text):
    assert "| [A \\<b>.](#a_b) | ○ **not run** |  | `python -m cnnlab.train -m x` |" in text
    assert "“A \\<b>.” **not run**" in text
