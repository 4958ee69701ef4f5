"""What the terminal shows, the answer first."""

import re
from pathlib import Path

from cnnlab.claims.study import Study
from cnnlab.views.report.report_terminal import MOST, print_files, print_report


def test_the_answer_comes_first_and_failures_have_their_reason(make_sweep, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "160")
    study = Study.of([make_sweep({"a": [0.90, 0.91, 0.92], "x [b]": [0.50, 0.51, "failed"]})])
    print_report(study)
    print_files([Path("x/report.html")], [Path("x")])
    out = capsys.readouterr().out
    assert out.startswith("a beats x [b] by 40.50 points, 95 % ") and "ValueError: failed" in out
    assert out.index("beats") < out.index("6 runs: 5 completed, 1 failed") < out.index("mean (%)")
    assert out.rstrip().endswith("html  x/report.html\nshow  python -m cnnlab.dashboard x")


def test_what_the_abbreviations_mean_stands_below_where_they_are_seen(make_sweep, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "160")
    print_report(Study.of([make_sweep({"a": [0.90, 0.91, 0.92], "b": [0.50, 0.51, 0.52]})]))
    out = capsys.readouterr().out
    lines = out[out.index("\narm  ", 200) :].strip().splitlines()
    legend = dict(re.split(r" {2,}", line.strip(), maxsplit=1) for line in lines)
    assert out.index("verdict") < out.index("one combination of the settings")
    assert legend["sd"].startswith("standard deviation") and legend["p, Holm"].startswith("how often chance alone")
    print_report(Study.of([make_sweep({"": [0.9, 0.8]}, axes=(), name="alone")]))
    assert "Holm" not in capsys.readouterr().out


def test_a_long_table_is_cut(make_sweep, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "160")
    print_report(Study.of([make_sweep({f"arm{i}": [i / 100] for i in range(MOST + 3)})]))
    out = capsys.readouterr().out
    assert "... 3 more in report.md" in out and "... 2 more" in out


def test_a_single_group_needs_no_differences(make_sweep, capsys):
    print_report(Study.of([make_sweep({"": [0.9, 0.8]}, axes=())]))
    out = capsys.readouterr().out
    assert out.startswith("All runs: 85.00 %") and "Holm" not in out


def test_a_narrow_terminal_has_fewer_columns_and_no_broken_numbers(make_sweep, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    arms = {f"xavier,0.00{i}": [i / 10, ("diverged", 0.1), 0.5] for i in range(4)}
    print_report(Study.of([make_sweep(arms, axes=("init", "optimizer.lr"))]))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "Hedges" not in out and "of 3 (" in out and "points" in out


def test_the_verdict_on_a_claim_comes_before_all_else(make_sweep, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "160")
    claim = {"sentence": "A [suits].", "arm": "a", "than": "b", "margin": 0.01, "guess": "does not hold"}
    print_report(Study.of([make_sweep({"a": [0.90, 0.91, 0.92], "b": [0.50, 0.51, 0.52]}, claim=claim)]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "“A [suits].” HOLDS"
    assert lines[1] == "You guessed 'does not hold'; the verdict is 'holds'."
    assert re.match(r"a +b +3 +91.00 % +51.00 % +40.00 +37.* < 0.0001 +holds", lines[5])


def test_a_narrow_terminal_keeps_the_columns_that_tell_comparisons_apart(make_sweep, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    runs = {f"initialization {name}": [0.9 + i / 100, 0.91, 0.92] for i, name in enumerate("abc")}
    claim = {"sentence": "All are d.", "arm": list(runs), "than": "d", "is": "equal", "margin": 0.01}
    print_report(Study.of([make_sweep(runs | {"d": [0.5, 0.51, 0.52]}, claim=claim)]))
    table = capsys.readouterr().out.partition("test accuracy")[0]
    assert [table.count(name) for name in runs] == [1, 1, 1]
    assert "against" in table and "of the other" not in table and max(map(len, table.splitlines())) <= 80


def test_no_word_of_a_verdict_is_broken(make_sweep, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    runs = {name: [0.9, 0.1, 0.5] for name in ("first of all", "second of all")}
    others = {name: [0.5, 0.3, 0.9] for name in ("another one of them", "yet another one of them")}
    claim = {"sentence": "It is better.", "arm": list(runs), "than": list(others), "margin": 0.01}
    print_report(Study.of([make_sweep(runs | others, claim=claim)]))
    out = capsys.readouterr().out
    assert out.count("inconclusive,") == 4 and out.count("another") >= 4 and max(map(len, out.splitlines())) <= 80


def test_of_a_claim_that_estimates_nothing_only_the_comparisons(make_sweep, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "160")
    claim = {"sentence": "A is B.", "arm": "a", "than": "b", "is": "equal", "rule": "exact"}
    print_report(Study.of([make_sweep({"a": [0.9], "b": [0.9]}, claim=claim)]))
    out = capsys.readouterr().out
    assert out.startswith("“A is B.” HOLDS") and "Every single run decides" in out and "sd" not in out


def test_a_terminal_that_is_too_narrow_for_all_numbers_cuts_none_of_them(make_sweep, monkeypatch, capsys):
    arms = {"the_first": [0.9, "failed", 1.0], "the_second": [0.1, ("diverged", 0.1), 0.5]}
    study = Study.of([make_sweep(arms)])
    rows = {}
    for columns in ("160", "60", "20"):
        monkeypatch.setenv("COLUMNS", columns)
        print_report(study)
        found = [line for line in capsys.readouterr().out.splitlines() if re.match(r"the_\w+ +[23] ", line)]
        rows[columns] = [[cell for cell in re.split(r" {2,}", line.strip())] for line in found]
    assert [row[0] for row in rows["20"]] == ["the_first", "the_second"] and len(rows["20"][0]) > 5
    for columns in ("60", "20"):  # no cell that the wide table has not
        assert all(set(narrow) <= set(wide) for narrow, wide in zip(rows[columns], rows["160"], strict=True))
