"""The report as markdown."""

from cnnlab.claims.study import Study
from cnnlab.views.report.report_markdown import commands, markdown_report


def test_the_answer_is_the_title_and_every_table_is_one(make_sweep):
    text = markdown_report(Study.of([make_sweep({"a_b": [0.90, 0.91], "c|d": [0.50, "failed"]})]))
    assert text.startswith("# Whether a\\_b and c\\|d differ is not known (one seed: not known)")
    for block in text.split("\n\n"):
        if block.startswith("|"):
            widths = {line.replace("\\|", "").count("|") for line in block.splitlines()}
            assert len(widths) == 1, block
    for heading in ("## Differences", "## Diagnosis", "## Cost", "## Runs that did not complete", "## To repeat"):
        assert heading in text
    assert "## Tuning" not in text and "- data: digits" in text
    assert text.count("\n- sd: standard deviation") == text.count("\n- p, Holm: how often chance alone") == 1


def test_commands_are_the_sweep_s_and_one_an_arm(make_sweep, write_run, tmp_path):
    assert commands(Study.of([make_sweep({"a": [0.9, 0.8], "b": [0.7]})])) == [
        "python -m cnnlab.train -m",
        *("# a", "python -m cnnlab.train -m model=a seed=0,1"),
        *("# b", "python -m cnnlab.train model=b seed=0"),
    ]
    alone = commands(Study.of([write_run(tmp_path / "alone", 0.9)]))
    assert len(alone) == 2 and "not known" in alone[1] and "config.yaml" in alone[1]


def test_many_pairs_are_those_with_the_best(make_sweep):
    text = markdown_report(Study.of([make_sweep({f"arm{i}": [i / 10, i / 10 + 0.01] for i in range(7)})]))
    assert "## Differences from the best" in text and "| arm6 against | points" in text


def test_the_verdict_on_a_claim_is_the_title(make_sweep):
    claim = {"sentence": "A suits <i>.", "arm": "a", "than": "b", "margin": 0.01}
    text = markdown_report(Study.of([make_sweep({"a": [0.90, 0.91, 0.92], "b": [0.50, 0.51, 0.52]}, claim=claim)]))
    assert text.startswith("# “A suits \\<i>.” HOLDS\n\na 91.00 %, b 51.00 %: 40.00 points")
    assert (
        text.index("| a | b | 3 |")
        < text.index("\n## a beats b by 40.00 points")
        < text.index("Compared: test accuracy.")
    )
